import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    globalSetup: ['tests/support/global-setup.ts'],
    include: ['tests/**/*.test.ts'],
    exclude: ['tests/peers/**', 'tests/chaos/**', 'tests/docs/**', 'tests/localstack/installed/**'],
    maxWorkers: 2,
    // Two processes for all files, in place of one a file: a third of what the small ones take. A file that changes
    // something of its process (the clock, a variable, a method, a module) changes it back.
    isolate: false,
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
})
