import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it } from 'vitest'

const megabytes = Number(process.env.CUPEL_LAND_MB || 20) // CUPEL_LAND_MB=2000 for a large one: minutes

it(`a file of ${megabytes} MB takes no more memory than a small one`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'land-'))
  const outfile = join(folder, 'large-file.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'large-file.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
  })
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--max-old-space-size=48', // MB: less than what the file's bronze has
    outfile,
    String(megabytes),
  ])
  await rm(folder, { recursive: true })
  const { records, rows, writtenMb, rssMb } = JSON.parse(stdout)
  expect(records).toBe(rows)
  expect(writtenMb).toBeGreaterThan(3 * megabytes)
  expect(rssMb).toBeLessThan(256)
}, 3_600_000)
