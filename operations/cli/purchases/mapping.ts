import { purchases } from '#datasets/purchases/purchases.ts'
import { Failure } from '../failure.ts'

/** Where the fields of a purchase come from in somebody's file. */
export type Mapping = Readonly<Record<string, Source>> // by field
type Source = { readonly column: string } | { readonly constant: string }
type Cells = Readonly<Record<string, unknown>> // by column
export type DateOrder = 'day-first' | 'month-first'

/** `receipt=Invoice, currency='GBP'`: a field, and a column or a constant. @throws {Failure} that says what is wrong. */
export function parseMapping(text: string): Mapping {
  const mapping: Record<string, Source> = {}
  const item = /\s*(\w+)\s*=\s*(?:'([^']*)'|([^',]*[^',\s]))\s*(?:,|$)/y
  while (item.lastIndex < text.trimEnd().length) {
    const at = item.lastIndex
    const [, field = '', constant, column = ''] = item.exec(text) ?? []
    if (field === '')
      throw wrong(`cannot read ${text.slice(at).trim()}: field=column or field='constant', commas between`)
    if (!Object.hasOwn(purchases.fields, field))
      throw wrong(`purchases have no ${field}, but ${Object.keys(purchases.fields).join(', ')}`)
    if (Object.hasOwn(mapping, field)) throw wrong(`${field} stands there twice`)
    mapping[field] = constant === undefined ? { column } : { constant }
  }
  return mapping
}

/**
 * The mapping of all fields that can be had from these columns. What it does not say comes from the column of the field's name;
 * else a record's id is the number of its row, it was recorded when it was purchased, and its kind follows from the quantity.
 *
 * @throws {Failure} when it names no column, or a required field comes from nowhere.
 */
export function completeMapping(mapping: Mapping, columns: readonly string[]): Mapping {
  const has = `the file has ${columns.join(', ')}`
  for (const source of Object.values(mapping))
    if ('column' in source && !columns.includes(source.column))
      throw wrong(`there is no column ${source.column}: ${has}`)
  const fields = Object.keys(purchases.fields)
  const named = fields.filter((field) => columns.includes(field)).map((field) => [field, { column: field }])
  const known: Mapping = { record_id: { column: 'row' }, ...Object.fromEntries(named), ...mapping }
  const { purchased_at } = known
  const complete = purchased_at ? { recorded_at: purchased_at, ...known } : known
  const missing = Object.entries(purchases.fields).flatMap(([field, { optional }]) =>
    optional || assumed.includes(field) || Object.hasOwn(complete, field) ? [] : [field],
  )
  if (missing.length > 0) throw wrong(`where does ${missing.join(', ')} come from? ${has}`)
  return complete
}

const assumed = ['kind', 'recorded_at']
const wrong = (problem: string): Failure => new Failure(`--columns: ${problem}`, 2)

/** A row's purchase as it is mapped, not judged yet. Where nothing says its kind, a quantity below zero came back. */
export function mapRow(mapping: Mapping, cells: Cells, dates?: DateOrder): Cells {
  const record: Record<string, unknown> = {}
  for (const [field, source] of Object.entries(mapping)) {
    const cell = 'constant' in source ? source.constant : cells[source.column]
    record[field] = purchases.fields[field as 'kind'].kind.name === 'timestamp' ? isoDay(cell, dates) : cell
  }
  if (Object.hasOwn(mapping, 'kind')) return record
  const quantity = String(record.quantity)
  return /^\s*-\d/.test(quantity)
    ? { ...record, kind: 'return', quantity: quantity.replace('-', '') }
    : { ...record, kind: 'purchase' }
}

/** `12/1/2010 8:26` as `2010-12-01 08:26`, where an order is said; without one it is left, and refused as ambiguous. */
function isoDay(cell: unknown, dates: DateOrder | undefined): unknown {
  const [, first, second, year, hour, rest] = dates
    ? (/^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2})(:.*)$/.exec(String(cell).trim()) ?? [])
    : []
  if (year === undefined) return cell
  const [month, day, hours] = [...(dates === 'month-first' ? [first, second] : [second, first]), hour].map(
    (digits) => digits!.padStart(2, '0'),
  )
  return `${year}-${month}-${day} ${hours}${rest}`
}
