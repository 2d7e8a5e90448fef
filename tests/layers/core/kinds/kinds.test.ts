/** docs/kinds.md is the specification: each of its rows is asked of `parseRecord`. */
import { readFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { date } from '@cupel/core/kinds'
import type { Field } from '@cupel/core/kinds/kind'
import { parseRecord } from '@cupel/core/record'
import { describe, expect, it } from 'vitest'
import { datasetOf, everyKind } from './every-kind.ts'

type Row = { readonly kind: string; readonly json: string; readonly expected: string }

/** What the headings of the page stand for, where it is not the kind of that name as it comes. */
const fields: Record<string, Field> = {
  ...Object.fromEntries(Object.entries(everyKind).map(([name, [, field]]) => [name, field])),
  'decimal(9, 6), -90 to 90.5': everyKind.decimal[1],
  'date, day first': date('', { order: 'day-first' }),
  'date, month first': date('', { order: 'month-first' }),
  'text, 2 to 10': everyKind.text_bounded[1],
  'oneOf(pos, Online, money_transfer)': everyKind.one_of[1],
  'money, positive': everyKind.money_positive[1],
  'money, decimal sign .': everyKind.money_by_point[1],
  'money, decimal sign ,': everyKind.money_by_comma[1],
  'money in KWD': everyKind.money_in_dinars[1],
  'money in JPY, decimal sign .': everyKind.money_in_yen[1],
  'timestamp, day first, from 2000 on': everyKind.timestamp_day_first[1],
  'date, in 2024': everyKind.date_ranged[1],
  'list(text)': everyKind.list[1],
}

/** Table rows `| `JSON` | `value` or reason |` below a heading that names the kind. */
function rowsOf(page: string): Row[] {
  let kind = ''
  return page.split('\n').flatMap((line) => {
    kind = /^## `(.+)`/.exec(line)?.[1] ?? kind
    const cells = /^\| `(.+?)` \| (.+?) \|/.exec(line)
    return cells ? [{ kind, json: cells[1]!.replaceAll('\\|', '|'), expected: cells[2]! }] : []
  })
}

const rows = rowsOf(await readFile(new URL('../../../../docs/kinds.md', import.meta.url), 'utf8'))

const kinds = [...new Set(rows.map(({ kind }) => kind))]

describe.each(kinds)('%s', (kind) => {
  const examples = rows.filter((row) => row.kind === kind)
  const field = fields[kind]!
  const dataset = datasetOf({ value: field })
  const records = examples.map(
    ({ json }) => `{"record_id":1,"record_time":"2026-01-02T03:04:05Z","value":${json}}`,
  )

  it('takes what docs/kinds.md says it takes', () => {
    const said = records.map((text, index) => {
      const parsed = parseRecord<Dataset>(dataset, { format: 'json', text })
      if (!parsed.ok) return { ...examples[index]!, expected: parsed.reasons[0]!.reason }
      const { value } = parsed.row as { value: unknown }
      return {
        ...examples[index]!,
        expected: `\`${field.kind.parseNested ? JSON.stringify(value) : value}\``,
      }
    })
    expect(said).toEqual(examples)
  })
})

it('has a table for every kind', () => {
  expect(new Set(rows.map(({ kind }) => fields[kind]?.kind.name))).toEqual(
    new Set(Object.values(everyKind).map(([, field]) => field.kind.name)),
  )
})
