import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['tests/support/global-setup.ts'],
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/peers/**'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
