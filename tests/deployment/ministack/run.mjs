// Bundles the program from its source (Node 20 runs no TypeScript) and runs it.
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true' // Node 20 is supported here on purpose
const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../../..')
const outfile = join(root, '.build/deploy-local.mjs')
await build({
  entryPoints: [join(here, 'deploy.ts')],
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  outfile,
  logLevel: 'warning',
})
const { main } = await import(pathToFileURL(outfile).href)
process.exitCode = await main(root)
