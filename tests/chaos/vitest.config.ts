import { defineConfig } from 'vitest/config'

/** What takes minutes, one after the other. Each prints its seed; CUPEL_CHAOS_SEED runs that one again. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['tests/chaos/**/*.test.ts'],
    fileParallelism: false,
    reporters: ['verbose'],
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    hookTimeout: 60_000,
  },
})
