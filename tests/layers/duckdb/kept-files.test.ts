/** Files of an execution environment are overwritten, again and again under the same names. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import { bronzeLine } from '@cupel/core/bronze'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { keptFolders } from '@cupel/io/temporary-folder'
import { expect, it } from 'vitest'
import { users } from '#datasets/finance/users.ts'
import { kafkaRecord } from '../../support/kafka.ts'

const perObject = 40
const user = (id: number) => ({
  user_id: `6f1c1a2e-5a5b-4c5d-8e6f-${String(id).padStart(12, '0')}`,
  full_name: `Ada ${String(id).padStart(5, '0')}`,
  email: `${String((id * 7919) % 100_000).padStart(5, '0')}@example.com`,
  phone: '+49301234567',
  birth_date: '1990-01-02',
  address: `${String((id * 104_729) % 100_000).padStart(5, '0')} Street`,
  city: 'Ulm',
  country: 'DE',
  registered_at: '2026-01-02T03:04:05Z',
  updated_at: '2026-01-02T03:04:05Z',
})

it('reads from a file what it holds now, not what held its name a moment ago', async () => {
  const engine = await openEngine({ threads: 1 })
  const withFolder = keptFolders()
  let path = ''
  try {
    for (let object = 0; object < 100; object += 1) {
      const ids = Array.from({ length: perObject }, (_, at) => object * perObject + at)
      const lines = ids.map((offset) =>
        bronzeLine(kafkaRecord({ offset, value: Buffer.from(JSON.stringify(user(offset))) })),
      )
      const silver = await withFolder(async (folder) => {
        path = folder.path
        const files = { silver: folder.file('silver.parquet'), quarantine: folder.file('quarantine') }
        await refineFile(engine, users, { bronze: [Buffer.from(lines.join('\n'))], ...files })
        return readFile(files.silver)
      })
      await withFolder(async (folder) => {
        const files = { parquet: folder.file('silver.parquet'), text: folder.file('rows') }
        await writeFile(files.parquet, silver)
        expect([object, await silverToText(engine, users, files)]).toMatchObject([
          object,
          { rows: perObject },
        ])
        const rows = JSON.parse(await readFile(files.text, 'utf8')) as Record<string, string>[]
        expect(rows.map(({ full_name, address }) => [full_name, address])).toEqual(
          ids.map((id) => [user(id).full_name, user(id).address]),
        )
      })
    }
  } finally {
    engine.close()
    await rm(path, { recursive: true })
  }
})
