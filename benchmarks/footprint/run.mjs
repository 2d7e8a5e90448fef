// Bundles the benchmark from its source (Node 20 runs no TypeScript) and runs it.
import { rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const outfile = join(here, '../../.build/benchmarks/footprint.mjs')
await build({
  entryPoints: [join(here, 'benchmark.ts')],
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'inline',
  outfile,
  logLevel: 'warning',
})
await import(pathToFileURL(outfile).href)
rmSync(outfile, { force: true })
