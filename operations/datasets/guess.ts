import {
  boolean,
  country,
  currency,
  date,
  decimal,
  email,
  type Field,
  integer,
  money,
  phone,
  timestamp,
  uuid,
} from '@cupel/core/kinds'
import { parseField } from '@cupel/core/record'

export type SampleRecord = Readonly<Record<string, unknown>>
export type GuessedField = {
  readonly name: string // of the field
  readonly from: string // in the records
  readonly kind: string
  readonly options: Readonly<Record<string, unknown>>
  readonly isOptional: boolean
  readonly doubts: readonly string[]
}
export type Guess = {
  readonly records: number
  readonly fields: readonly GuessedField[]
  readonly key: { readonly fields: readonly string[]; readonly doubt?: string }
  readonly orderBy: { readonly field: string; readonly doubt?: string }
}

const badShare = 0.1 // of a field's values, or one of four, may be none of its kind: that is a doubt
const measures = new Set(['decimal', 'money', 'boolean'])
const mostWords = 12
const timesEachWord = 5

type Candidate = {
  readonly kind: string
  readonly field: Field
  readonly options?: GuessedField['options']
  readonly named?: RegExp // what a field of this kind is called, where values alone say little
}

const what = 'a guess'
const number = { precision: 18, scale: 6 }
const numeric = new Set(['money', 'timestamp', 'integer', 'decimal', 'boolean'])
/** The narrowest first: the first one that takes the values is it. */
const candidates: readonly Candidate[] = [
  { kind: 'uuid', field: uuid(what) },
  { kind: 'email', field: email(what) },
  { kind: 'country', field: country(what), named: /country|nation/i },
  { kind: 'currency', field: currency(what), named: /currency/i },
  { kind: 'money', field: money(what), named: /amount|price|cost|total|balance|fee|salary|revenue/i },
  { kind: 'phone', field: phone(what), named: /phone|mobile|fax/i },
  { kind: 'timestamp', field: timestamp(what), named: /(^|_)(at|time|timestamp|ts|epoch)$/i },
  { kind: 'integer', field: integer(what) },
  { kind: 'decimal', field: decimal(what, number), options: number },
  { kind: 'date', field: date(what) },
  { kind: 'timestamp', field: timestamp(what) },
  { kind: 'boolean', field: boolean(what) },
]

/**
 * What a dataset of such records would be: the kind of each field, by asking each kind of all values, the key and the
 * order. Pure; what the sample cannot say for certain is a doubt.
 */
export function guessDataset(records: readonly SampleRecord[]): Guess {
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))]
  const taken = new Set<string>()
  const fields = names.map((from): GuessedField => {
    const name = fieldName(from, taken)
    taken.add(name)
    return guessField(
      name,
      from,
      records.map((record) => record[from]),
    )
  })
  const orderBy = guessOrder(fields)
  return { records: records.length, fields, key: guessKey(fields, records, orderBy.field), orderBy }
}

function guessField(name: string, from: string, all: readonly unknown[]): GuessedField {
  const values = all.filter((value) => !isBlank(value))
  const isOptional = values.length < all.length
  const guess = (kind: string, options: GuessedField['options'], ...doubts: readonly (string | false)[]) => ({
    name,
    from,
    kind,
    options,
    isOptional,
    doubts: [
      ...(name === from ? [] : [`it is called ${JSON.stringify(from)} in the records`]),
      ...doubts.filter((doubt) => doubt !== false),
    ],
  })
  if (values.length === 0) return guess('text', {}, 'it is empty in the whole sample')
  const nested = values.find((value) => typeof value === 'object')
  if (nested !== undefined) return guess('text', {}, `no kind takes ${JSON.stringify(nested).slice(0, 40)}`)

  const texts = values.map((value) => String(value).trim())
  const words = new Set(texts)
  // A number would lose it.
  const keepsDigits = texts.some((value) => /^-?(0\d+|\d{16,})$/.test(value))
  for (const { kind, field, options = {}, named } of candidates) {
    if (keepsDigits && numeric.has(kind)) continue
    if (named && !named.test(name)) continue
    const refused = values.filter((value) => !parseField(field, value).ok)
    if (refused.length > Math.max(values.length * badShare, values.length < 4 ? 0 : 1)) continue
    return guess(
      kind,
      options,
      refused.length > 0 &&
        `${refused.length} of ${values.length} values are none: ${JSON.stringify(refused[0])}`,
      kind === 'timestamp' &&
        /^-?\d+$/.test(texts[0]!) &&
        'numbers are read as seconds or milliseconds of 1970',
      kind === 'date' &&
        texts.some((value) => /^\d{1,2}\//.test(value)) &&
        'day or month first? say which by order',
      kind === 'boolean' && !/true|false/i.test(texts[0]!) && `only ${[...words].join(', ')} in the sample`,
    )
  }
  const isWords = !keepsDigits && words.size <= mostWords && texts.length >= words.size * timesEachWord
  if (isWords && values.every((value) => typeof value === 'string'))
    return guess('oneOf', { words: [...words].sort() }, 'are there others than in the sample?')
  const isPersonal = /name|address|birth/i.test(name) && !/product|item|store|file/i.test(name)
  return guess(
    'text',
    isPersonal ? { personal: true } : {},
    isPersonal && 'personal? then it is never shown',
    keepsDigits &&
      'numbers that start with 0, or have more than 15 digits: as text they keep them, sent as strings',
  )
}

function guessKey(
  fields: readonly GuessedField[],
  records: readonly SampleRecord[],
  orderBy: string,
): Guess['key'] {
  const able = fields.filter(({ kind, isOptional }) => !isOptional && !measures.has(kind))
  const different = (...some: readonly GuessedField[]): number =>
    new Set(records.map((record) => JSON.stringify(some.map(({ from }) => record[from])))).size
  const single = able.filter((field) => different(field) === records.length)
  const likely = single.find(({ name }) => /(^|_)(id|key|code|number)$/.test(name)) ?? single[0]
  if (likely && single.length === 1) return { fields: [likely.name] }
  if (likely)
    return {
      fields: [likely.name],
      doubt: `${single.map(({ name }) => name).join(', ')}: each tells records apart`,
    }
  for (const [index, first] of able.entries())
    for (const second of able.slice(index + 1))
      if (different(first, second) === records.length)
        return { fields: [first.name, second.name], doubt: 'they tell records apart together' }
  const of = able.filter(({ name }, index) => index === 0 || name === orderBy)
  return {
    fields: (of.length > 0 ? of : fields.slice(0, 1)).map(({ name }) => name),
    doubt: `${different(...of)} of ${records.length} records are told apart: of the others the later one counts`,
  }
}

function guessOrder(fields: readonly GuessedField[]): Guess['orderBy'] {
  const able = fields.filter(
    ({ kind, isOptional }) => !isOptional && ['timestamp', 'date', 'integer'].includes(kind),
  )
  const times = able.filter(({ kind }) => kind !== 'integer')
  const likely = times.find(({ name }) => /updat|modif|chang/.test(name)) ?? times.at(-1)
  if (likely)
    return { field: likely.name, ...(times.length > 1 && { doubt: 'of two records the later one counts' }) }
  return {
    field: 'row',
    doubt: 'no field says when: the place in the file does, which cupel stream sends along',
  }
}

/** A name that SQL takes. */
function fieldName(from: string, taken: ReadonlySet<string>): string {
  const base = from
    .normalize('NFKD')
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[^a-z]+|_+$/g, '')
    .slice(0, 60)
  let name = base || 'field'
  for (let n = 2; taken.has(name); n += 1) name = `${base || 'field'}_${n}`
  return name
}

const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '')
