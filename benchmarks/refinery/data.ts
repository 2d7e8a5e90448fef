import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { bronzeLine } from '@cupel/core/bronze'
import type { Dataset } from '@cupel/core/dataset'
import { bronzeKey } from '@cupel/core/keys'
import { accounts } from '#datasets/finance/accounts.ts'
import { merchants } from '#datasets/finance/merchants.ts'
import { users } from '#datasets/finance/users.ts'
import { makeRandom, type Random } from '#datasets/random.ts'

/**
 * Bronze as senders of several minds fill it: padded names, amounts with signs and commas, days, phones and countries in
 * a few spellings. Of all records 2 % stand twice (half of them as a later version) and 1 % are bad. Deterministic.
 */
export type Lake = {
  readonly folder: string // objects stand in it as in the bucket, by key
  readonly keys: readonly string[]
  readonly expected: Readonly<Record<string, Expected>> // by dataset
}

/** What a right run makes of a dataset: rows in its table, records in quarantine, a sum over the newest versions. */
export type Expected = {
  readonly records: number
  readonly rows: number
  readonly quarantined: number
  readonly sum: number
}

type Maker = (
  random: Random,
  index: number,
  version: number,
) => { readonly record: Readonly<Record<string, string | null>>; readonly weight: number }
type Source = { readonly dataset: Dataset; readonly make: Maker; readonly count: number }

const madeBy = 1 // counts up with every change of what is made here, so that no run meets the data of another
const duplicateShare = 0.02
const badShare = 0.01
const partitions = 4
const startMs = Date.UTC(2026, 0, 1)

/** `profiles` user profiles, as many accounts and a hundredth of merchants. Kept below the system's temporary folder. */
export async function makeLake(profiles: number, objects = 20): Promise<Lake> {
  const folder = join(tmpdir(), 'cupel-bench-refinery', `${madeBy}-${profiles}-${objects}`)
  const index = join(folder, 'lake.json')
  const known = await readFile(index, 'utf8').catch(() => undefined)
  if (known !== undefined) return JSON.parse(known) as Lake
  await rm(folder, { recursive: true, force: true })
  const sources: readonly Source[] = [
    { dataset: users, make: makeUser, count: profiles },
    { dataset: accounts, make: makeAccount, count: profiles },
    { dataset: merchants, make: makeMerchant, count: Math.max(1_000, Math.floor(profiles / 100)) },
  ]
  const keys: string[] = []
  const expected: Record<string, Expected> = {}
  for (const source of sources) {
    const made = await writeObjects(folder, source, objects)
    keys.push(...made.keys)
    expected[source.dataset.name] = made.expected
  }
  const lake: Lake = { folder, keys, expected }
  await writeFile(`${index}.part`, JSON.stringify(lake))
  await rename(`${index}.part`, index)
  return lake
}

/** Objects of as many records each, spread over the partitions, as consumers with full batches leave them. */
async function writeObjects(
  folder: string,
  { dataset, make, count }: Source,
  objects: number,
): Promise<{ readonly keys: readonly string[]; readonly expected: Expected }> {
  const random = makeRandom(count)
  const duplicates = Math.floor(count * duplicateShare)
  const quarantined = Math.floor(count * badShare)
  const rows = count - duplicates - quarantined
  const origins = Array.from({ length: duplicates }, () => random.below(rows))
  const newest = new Map<number, number>() // the last version of what stands twice
  for (const [at, origin] of origins.entries())
    newest.set(origin, Math.max(newest.get(origin) ?? 0, versionOf(at)))
  const order = shuffled(count, random)
  const recordOf = (index: number, version: number) => make(makeRandom(count, index + 1), index, version)
  const spell = (one: number): { key: string; value: string } => {
    if (one >= rows + duplicates) return breakRecord(dataset, recordOf(one, 0).record, one)
    const duplicate = one - rows
    const { record } = duplicate < 0 ? recordOf(one, 0) : recordOf(origins[duplicate]!, versionOf(duplicate))
    return { key: record[dataset.key[0]!]!, value: JSON.stringify(record) }
  }

  const keys: string[] = []
  const perObject = Math.ceil(count / objects)
  for (let object = 0; object * perObject < count; object += 1) {
    const at = { topic: dataset.topic!, partition: object % partitions }
    const firstOffset = Math.floor(object / partitions) * perObject
    const lines = Array.from(order.subarray(object * perObject, (object + 1) * perObject), (one, place) => {
      const { key, value } = spell(one)
      return bronzeLine({
        ...at,
        offset: firstOffset + place,
        timestampMs: startMs + firstOffset + place,
        timestampType: 'CREATE_TIME',
        key: Buffer.from(key),
        headers: [],
        value: Buffer.from(value),
      })
    })
    const key = bronzeKey(dataset.bronzeFolder, at, firstOffset)
    await mkdir(dirname(join(folder, key)), { recursive: true })
    await writeFile(join(folder, key), `${lines.join('\n')}\n`)
    keys.push(key)
  }
  let sum = 0
  for (let index = 0; index < rows; index += 1) sum += recordOf(index, newest.get(index) ?? 0).weight
  return { keys, expected: { records: count, rows, quarantined, sum } }
}

/** Every other duplicate is the record once more, the others are a later version of it. */
const versionOf = (duplicate: number): number => (duplicate % 2 === 0 ? 0 : 1 + (duplicate % 50))

function shuffled(count: number, random: Random): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, at) => at)
  for (let at = count - 1; at > 0; at -= 1) {
    const other = random.below(at + 1)
    ;[order[at], order[other]] = [order[other]!, order[at]!]
  }
  return order
}

/** Cut off, without its key, or with a value that no spelling allows. */
function breakRecord(
  dataset: Dataset,
  record: Readonly<Record<string, string | null>>,
  index: number,
): { readonly key: string; readonly value: string } {
  const keyField = dataset.key[0]!
  const key = record[keyField]!
  if (index % 3 === 0) return { key, value: JSON.stringify(record).slice(0, -25) }
  const wrong = index % 3 === 1 ? { [keyField]: null } : { [dataset.orderBy]: 'yesterday' }
  return { key, value: JSON.stringify({ ...record, ...wrong }) }
}

const first =
  'Ada Ben Carla Deniz Émile Fatma Gina Hugo Inês Jonas Kemal Lena Murat Nora Oscar Pelin Rosa Tom Uğur Vera'.split(
    ' ',
  )
const last =
  'Brown Çetin Diaz Evans Fischer García Hansen Ivanov Jansen Kaya Müller Novak Olsen Petrov Rossi Smith Xu'.split(
    ' ',
  )
const countries = [
  'US',
  'USA',
  'United States',
  'U.S.A.',
  'GB',
  'UK',
  'United Kingdom',
  'DE',
  'DEU',
  'Germany',
].concat([
  'TR',
  'TUR',
  'Turkey',
  'FR',
  'FRA',
  'France',
  'NL',
  'The Netherlands',
  'ES',
  'Spain',
  'JP',
  'Japan',
])
const currencies = ['USD', 'EUR', 'GBP', 'TRY', 'JPY']

const makeUser: Maker = (random, index, version) => {
  const id = random.uuid()
  const [given, family] = [random.pick(first), random.pick(last)]
  const [year, month, day] = [1940 + random.below(66), 1 + random.below(12), 1 + random.below(28)]
  const two = (value: number) => String(value).padStart(2, '0')
  const days = [
    `${year}-${two(month)}-${two(day)}`,
    `${two(day)}.${two(month)}.${year}`,
    `${year}/${month}/${day}`,
  ]
  const address = `${ascii(given)}.${ascii(family)}${index}`
  return {
    record: {
      user_id: id,
      full_name: cased(random, `${given} ${family}`),
      email: index % 3 === 0 ? ` ${address}@example.org`.toLowerCase() : `${address}@Example.com`,
      phone: `+${1 + random.below(90)} (${100 + random.below(900)}) ${100 + random.below(900)}-${1000 + random.below(9000)}`,
      birth_date: random.pick(days),
      address: `${random.pick(last)} Street ${1 + random.below(300)}`,
      city: random.pick(['Berlin', 'İstanbul', 'Lyon', 'Springfield', 'Sevilla', 'Osaka']),
      country: random.pick(countries),
      registered_at: instant(index),
      updated_at: instant(index, version),
    },
    weight: year * 10_000 + month * 100 + day,
  }
}

const makeAccount: Maker = (random, index, version) => {
  const id = random.uuid()
  const cents = (random.chance(0.03) ? -1 : 1) * Math.floor(Math.exp(12 + 1.6 * random.normal()))
  const [sign, units] = [cents < 0 ? '-' : '', Math.floor(Math.abs(cents) / 100)]
  const fraction = String(Math.abs(cents) % 100).padStart(2, '0')
  const grouped = `${String(units).replace(/\B(?=(\d{3})+$)/g, ',')}.${fraction}`
  const spellings = [
    `${sign}$${grouped}`,
    `${sign}${grouped}`,
    `${sign}${grouped} €`,
    `${sign}${units}.${fraction}`,
  ]
  return {
    record: {
      account_id: id,
      user_id: random.uuid(),
      type: cased(random, random.pick(['checking', 'savings', 'credit'])),
      balance: random.pick(spellings),
      currency: cased(random, random.pick(currencies)),
      status: cased(random, random.pick(['active', 'dormant', 'frozen', 'closed'])),
      opened_at: instant(index),
      updated_at: instant(index, version),
    },
    weight: cents,
  }
}

const makeMerchant: Maker = (random, index, version) => {
  const id = random.uuid()
  const category = random.pick([
    'grocery',
    'electronics',
    'travel',
    'fuel',
    'restaurant',
    'fashion',
    'health',
  ])
  return {
    record: {
      merchant_id: id,
      name: cased(random, `${random.pick(last)} ${category} ${index}`),
      category: cased(random, category),
      risk: cased(random, random.pick(['low', 'medium', 'high'])),
      country: random.pick(countries),
      city: random.pick(['Berlin', 'İstanbul', 'Lyon', 'Springfield']),
      updated_at: instant(index, version),
    },
    weight: index,
  }
}

/** As typed: mostly plain, else in capitals, in small letters or between spaces. */
function cased(random: Random, text: string): string {
  const roll = random.next()
  return roll < 0.6 ? text : roll < 0.8 ? text.toLowerCase() : roll < 0.9 ? text.toUpperCase() : ` ${text} `
}

const ascii = (name: string): string => name.normalize('NFD').replace(/[^a-zA-Z]/g, '')

const instant = (index: number, version = 0): string =>
  new Date(Date.UTC(2025, 0, 1) + ((index % 20_000_000) + version * 86_400 * 300) * 1_000).toISOString()
