import { defineConfig } from 'vitest/config'

/** Runs every command that README and the guides show, in a clone of its own: some minutes. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['tests/docs/**/*.test.ts'],
    fileParallelism: false,
    reporters: ['verbose'],
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    hookTimeout: 60_000,
  },
})
