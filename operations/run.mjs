// Bundles a TypeScript program of this project (Node 20 runs none) and runs it: node operations/run.mjs <program.ts> …
import { rmSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { packagesStayOutside } from './packages-stay-outside.mjs'

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true' // Node 20 is supported here on purpose
const root = join(dirname(fileURLToPath(import.meta.url)), '..')
process.argv.splice(1, 1) // the program finds its own arguments where it expects them
const program = resolve(process.argv[1])
const outfile = join(root, '.build/programs', relative(root, program).replace(/\.ts$/, '.mjs'))
await build({
  entryPoints: [program],
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  outfile,
  logLevel: 'warning',
  plugins: [packagesStayOutside()],
})
await import(pathToFileURL(outfile).href)
rmSync(outfile, { force: true })
