import { defineConfig } from 'vitest/config'

/** Packs and installs @cupel/localstack with npm, which takes the registry and about two minutes. */
export default defineConfig({
  test: {
    root: new URL('../../..', import.meta.url).pathname,
    include: ['tests/localstack/installed/**/*.test.ts'],
    reporters: ['verbose'],
    env: { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true' },
    maxConcurrency: 6, // each of them waits a minute for its schedule
    testTimeout: 240_000,
    hookTimeout: 600_000, // npm install on a loaded machine
  },
})
