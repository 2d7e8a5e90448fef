import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Each is a program: it prints what it measured beside what is promised, and ends with 1 where a promise does not hold. */
const suites: Readonly<Record<string, string>> = {
  'event-sources': 'benchmarks/event-sources/benchmark.ts',
  footprint: 'benchmarks/footprint/benchmark.ts',
  refinery: 'benchmarks/refinery/benchmark.ts',
  shop: 'benchmarks/shop/benchmark.ts',
}

/**
 *     npm run bench                                         all, one after the other
 *     npm run bench -- --only event-sources                 one of them
 *     npm run bench -- --only event-sources --json 200000   what follows is for the suite itself
 */
const args = process.argv.slice(2)
const at = args.indexOf('--only')
const only = at === -1 ? undefined : args.splice(at, 2)[1]
const chosen = Object.entries(suites).filter(([name]) => at === -1 || name === only)
if (chosen.length === 0) {
  console.error(`there is no suite ${only}: there are ${Object.keys(suites).join(', ')}`)
  process.exitCode = 2
}
for (const [, file] of chosen) {
  const child = spawn(process.execPath, ['operations/run.mjs', file, ...args], { stdio: 'inherit' })
  const [code] = await once(child, 'close')
  if (code !== 0) process.exitCode = 1
}
