import { datasets } from '#datasets/index.ts'
import { Failure } from '../failure.ts'
import { type Services, withServices } from './services.ts'
import { goldTables, queryGold, type Result } from './sql-gold.ts'
import { queryLake, tablesInLake } from './sql-lake.ts'
import { formatTable, plural } from './text.ts'

export type SqlOptions = { readonly limit: number; readonly json?: boolean }

/** Run one query over the layers, read-only. Without a query: what can be asked. */
export async function runSql(root: string, sql: string | undefined, options: SqlOptions): Promise<number> {
  if (sql === undefined) return withServices(root, listTables, ['postgres'])
  if (sql.trim() === '') throw new Failure('the query is empty', 2)
  const named = await tablesInLake(sql)
  const needed = named
    ? (['s3', ...(named.some(({ schema }) => schema === 'gold') ? (['postgres'] as const) : [])] as const)
    : (['postgres'] as const)
  return withServices(
    root,
    async ({ ports, postgres, signal }) => {
      const limit = { limit: options.limit, signal }
      const lake = { lake: ports.lake, gold: postgres, datasets, warn: (line: string) => console.error(line) }
      show(
        await (named ? queryLake(lake, sql, named, limit) : queryGold(postgres, sql, limit)),
        options.json === true,
      )
      return 0
    },
    needed,
  )
}

function show({ columns, rows, more }: Result, json: boolean): void {
  const left = more > 0 ? `${plural(more, 'more row')}: --limit ${rows.length + more} shows all` : ''
  if (json) {
    const objects = rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])))
    console.log(JSON.stringify(objects, null, 2))
    if (left) console.error(`cupel: ${left}`)
    return
  }
  console.log(formatTable(columns, rows, process.stdout.isTTY ? process.stdout.columns : undefined))
  console.log(`\n${plural(rows.length, 'row')}${left && `, and ${left}`}`)
}

async function listTables({ postgres, signal }: Services): Promise<number> {
  const tables = await goldTables(postgres, signal)
  console.log(
    formatTable(
      ['table', 'what it holds'],
      [
        ...datasets.flatMap(({ name, description }) => [
          [`bronze.${name}`, 'as received: topic, partition, offset, timestamp, value, …'],
          [`silver.${name}`, description],
          [`quarantine.${name}`, 'rejected: reasons, and the record as received'],
        ]),
        ...tables.map(({ name, comment }) => [name, comment]),
      ],
      process.stdout.isTTY ? process.stdout.columns : undefined,
    ),
  )
  return 0
}
