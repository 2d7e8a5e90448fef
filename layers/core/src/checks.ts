/**
 * What must hold of a dataset's table, a line each in the dataset's file: `cupel test` asks PostgreSQL. A check finds
 * what validation cannot see, because it is about many rows, or about time.
 */
import type { Dataset } from './dataset.ts'
import { identifier, literal } from './kinds/strings.ts'

export type Check<Field extends string = string> =
  | { readonly rows: { readonly min?: number; readonly max?: number } } // how many there are, bounds included
  | { readonly unique: readonly Field[] }
  | { readonly notNull: Field; readonly when?: readonly [field: Field, value: string] }
  | { readonly range: Field; readonly min?: string | number; readonly max?: string | number } // bounds included
  | { readonly fresh: Field | '_loaded_at'; readonly withinHours: number } // the latest instant, against now

/** A check, and the query that answers with one row: `failing` (0 when it holds) and `seen`, what it looked at. */
export type CheckQuery = { readonly name: string; readonly sql: string }

/** `now` is an instant as text. */
export function checkQuery({ table }: Pick<Dataset, 'table'>, check: Check, now: string): CheckQuery {
  const from = `FROM ${identifier(table)}`
  const failing = (where: string): string =>
    `SELECT count(*) FILTER (WHERE ${where}) AS failing, count(*) || ' rows' AS seen ${from}`
  if ('rows' in check) {
    const { min = 0, max } = check.rows
    const tooFew = `greatest(${min} - count(*), 0)`
    const tooMany = max === undefined ? '0' : `greatest(count(*) - ${max}, 0)`
    return {
      name: `${max === undefined ? `${min} rows or more` : `${min} to ${max} rows`}`,
      sql: `SELECT ${tooFew} + ${tooMany} AS failing, count(*) || ' rows' AS seen ${from}`,
    }
  }
  if ('unique' in check) {
    const columns = check.unique.map(identifier).join(', ')
    return {
      name: `unique ${check.unique.join(', ')}`,
      sql: `SELECT coalesce(sum(times - 1), 0) AS failing, coalesce(sum(times), 0) || ' rows' AS seen FROM (SELECT count(*) AS times ${from} GROUP BY ${columns}) AS groups`,
    }
  }
  if ('notNull' in check) {
    const [field, value] = check.when ?? []
    const and = field ? ` AND ${identifier(field)}::text = ${literal(value!)}` : ''
    const of = field ? ` when ${field} = ${value}` : ''
    return {
      name: `${check.notNull} is there${of}`,
      sql: failing(`${identifier(check.notNull)} IS NULL${and}`),
    }
  }
  if ('range' in check) {
    const column = identifier(check.range)
    const { min, max } = check
    const outside = [
      min !== undefined && `${column} < ${literal(String(min))}`,
      max !== undefined && `${column} > ${literal(String(max))}`,
    ].filter((bound) => bound !== false)
    return {
      name: `${check.range} ${[min !== undefined && `from ${min}`, max !== undefined && `to ${max}`].filter(Boolean).join(' ')}`,
      sql: failing(outside.join(' OR ')),
    }
  }
  const latest = `max(${identifier(check.fresh)})`
  return {
    name: `${check.fresh} within ${check.withinHours} h`,
    sql: `SELECT CASE WHEN ${latest} >= ${literal(now)}::timestamptz - interval '${check.withinHours} hours' THEN 0 ELSE 1 END AS failing, coalesce('latest ' || to_char(${latest} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'nothing') AS seen ${from}`,
  }
}
