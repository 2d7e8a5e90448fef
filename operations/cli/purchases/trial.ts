import { decimalUnits, readDecimal } from '@cupel/core/kinds/numbers'
import { parseRecord } from '@cupel/core/record'
import { summaryQuery } from '@cupel/core/summary-sql'
import { createTable, incomingJson, upsertStatement } from '@cupel/core/warehouse-sql'
import type { Postgres } from '@cupel/io/postgres'
import { monthlyPurchases } from '#datasets/purchases/monthly.summary.ts'
import { type Purchase, purchases } from '#datasets/purchases/purchases.ts'
import { readRows } from '../stream/rows.ts'
import { completeMapping, type DateOrder, type Mapping, mapRow } from './mapping.ts'

export const sumNames = ['purchases', 'gross', 'discounts', 'returns', 'corrections', 'net'] as const
export type Sums = Readonly<Record<(typeof sumNames)[number], bigint>> // purchases counted, amounts in units of 0.0001
export type Refusal = { readonly rows: number; readonly first: number; readonly value: string | null }
export type Trial = {
  readonly rows: number
  readonly refused: number
  readonly replaced: number // by a later row of the same record_id
  readonly reasons: ReadonlyMap<string, Refusal> // a row may have several
  readonly months: readonly { readonly of: string; readonly summary: Sums; readonly file: Sums }[] // `2026-10 GBP`
}

/**
 * The monthly sums of a file of retail lines, twice: by the SQL of the summary over a temporary table like the dataset's, which is
 * gone at the end, and added up from the file's own cells, row by row. The two differ where rows share a record_id, or one errs.
 *
 * @throws {Failure} when the file cannot be read, or the mapping does not fit it.
 */
export const tryFile = (
  warehouse: Pick<Postgres, 'transaction'>,
  file: string,
  { mapping, dates }: { mapping: Mapping; dates?: DateOrder | undefined },
): Promise<Trial> =>
  warehouse.transaction(async (transaction) => {
    await transaction.query('SET LOCAL search_path TO pg_temp') // nothing of the warehouse can be meant
    await transaction.query(createTable(purchases))
    const reasons = new Map<string, Refusal>()
    const sums = new Map<string, Sums>()
    let complete: Mapping | undefined
    let [rows, refused] = [0, 0]
    for await (const some of readRows(file)) {
      const taken: object[] = []
      for (const { row, format, value } of some) {
        rows += 1
        const cells = { ...JSON.parse(value), row: String(row) }
        if (format === 'json') complete ??= completeMapping(mapping, Object.keys(cells))
        const record = complete ? mapRow(complete, cells, dates) : {}
        const parsed = parseRecord(purchases, { format, text: JSON.stringify(record) })
        if (parsed.ok) {
          taken.push({ ...parsed.row, _timestamp_ms: 0, _partition: 0, _offset: row })
          const month = `${parsed.row.purchased_at.slice(0, 7)} ${parsed.row.currency}`
          sums.set(month, added(sums.get(month) ?? none, record, parsed.row))
          continue
        }
        refused += 1
        for (const { field, reason, value } of parsed.reasons) {
          const name = field === null ? reason : `${field}: ${reason}`
          const { rows: before, ...first } = reasons.get(name) ?? { rows: 0, first: row, value }
          reasons.set(name, { rows: before + 1, ...first })
        }
      }
      const { from, values } = incomingJson(purchases, JSON.stringify(taken))
      await transaction.query(upsertStatement(purchases, from), [...values])
    }
    const summaries = await transaction.query<Record<(typeof sumNames)[number] | 'of', string>>(
      `SELECT to_char(month, 'YYYY-MM ') || currency AS of, ${sumNames.map((name) => `sum(${name}) AS ${name}`).join(', ')}
       FROM (${summaryQuery(monthlyPurchases)}) AS summary GROUP BY 1`,
    )
    const bySummary = new Map(
      summaries.rows.map(({ of, ...sums }) => [
        of,
        sumsOf((name) => decimalUnits(sums[name], name === 'purchases' ? 0 : 4)),
      ]),
    )
    const { rows: kept } = await transaction.query<{ count: string }>('SELECT count(*) FROM purchases')
    await transaction.query('DROP TABLE purchases')
    return {
      rows,
      refused,
      replaced: rows - refused - Number(kept[0]?.count),
      reasons,
      months: [...sums].toSorted().map(([of, file]) => ({ of, file, summary: bySummary.get(of) ?? none })),
    }
  })

const sumsOf = (value: (name: keyof Sums) => bigint): Sums =>
  Object.fromEntries(sumNames.map((name) => [name, value(name)])) as Sums
const none = sumsOf(() => 0n)

/** With a row's purchase, which is worth what its cells say; one that is not plain digits, what was read of it. */
function added(before: Sums, cells: Readonly<Record<string, unknown>>, row: Purchase): Sums {
  const units = (field: 'quantity' | 'unit_price' | 'discount', scale: number): bigint => {
    const cell = String(cells[field]).trim()
    return decimalUnits(readDecimal(cell) ? cell : String(row[field] ?? 0), scale)
  }
  const amount = units('quantity', 0) * units('unit_price', 4)
  const discount = units('discount', 4)
  const changes: Partial<Sums> = {
    purchase: { purchases: 1n, gross: amount, discounts: discount, net: amount - discount },
    return: { returns: amount, net: -amount },
    correction: { corrections: amount, net: amount },
  }[row.kind]
  return sumsOf((name) => before[name] + (changes[name] ?? 0n))
}
