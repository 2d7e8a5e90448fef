import type { Faker, FakerOptions } from '@faker-js/faker'
import { faker as en } from '@faker-js/faker/locale/en'
import { makeRandom, type Random } from '../random.ts'

export type ShopOptions = {
  readonly seed: number // whole number ≥ 0
  readonly rows: number // in all files; may be Infinity
  readonly startMs: number // when the first file begins, UTC
  readonly run?: number // 0, 1, …: each goes on with new sessions of the same visitors
  readonly rowsPerFile?: number
  readonly visitors?: number
  readonly dirt?: number // share of rows that are broken, 0 to 1
}
/** A file to drop. */
export type ShopFile = {
  readonly name: string
  readonly text: string // CSV
  readonly rows: number
  readonly truth: readonly Truth[] // what was planted, a word a row
  readonly untilMs: number // simulated time of its latest event
}
export type Truth = 'valid' | 'duplicate' | 'broken'

const share = { duplicate: 0.02, late: 0.03, pause: 0.03, purchase: 0.12 }
const minute = 60_000
const sessionsApartMs = 4_000
const latestFiles = 3 // how many files late a row comes at most

/** The columns of a file, as its first line names them. */
export const columns = [
  'user_id',
  'session_id',
  'action',
  'product_id',
  'event_time',
  'price',
  'user_agent',
] as const
type Row = Readonly<Record<(typeof columns)[number], string>>

/**
 * Files of a shop's events, in the order in which they are dropped: visits in sessions, with rows that come twice, rows
 * that come some files late, and rows that nobody can read. Deterministic and lazy, so `rows` may be Infinity.
 */
export function* generateShop({
  seed,
  rows,
  startMs,
  run = 0,
  rowsPerFile = 500,
  visitors = 2_000,
  dirt = 0.01,
}: ShopOptions): Generator<ShopFile> {
  const shop = makeShop(seed, visitors)
  const random = makeRandom(seed, 1 + run)
  const events = visits(random, shop, startMs)
  const late = new Map<number, string[]>() // by the file that they come in
  for (let file = 0, written = 0; written < rows; file += 1) {
    const lines: string[] = []
    const truth: Truth[] = []
    const add = (line: string, as: Truth) => {
      lines.push(line)
      truth.push(as)
    }
    let firstMs: number | undefined
    let untilMs = startMs
    const size = Math.min(rowsPerFile, rows - written)
    for (const line of late.get(file)?.slice(0, size) ?? []) add(line, 'valid')
    late.delete(file)
    while (lines.length < size) {
      const { row, timeMs } = events.next().value
      firstMs ??= timeMs
      untilMs = timeMs
      if (random.chance(dirt)) add(csvLine(broken(random, row)), 'broken')
      else {
        const line = csvLine(spelled(random, row, timeMs))
        if (random.chance(share.late)) {
          const inFile = file + 1 + random.below(latestFiles)
          late.set(inFile, [...(late.get(inFile) ?? []), line])
        } else {
          add(line, 'valid')
          if (lines.length < size && random.chance(share.duplicate)) add(line, 'duplicate')
        }
      }
    }
    written += size
    const instant = new Date(firstMs ?? startMs).toISOString().replace(/\.\d+|[-:]/g, '')
    yield {
      name: `shop-events-${instant}-${run}-${String(file).padStart(6, '0')}.csv`,
      rows: size,
      text: `${columns.join(',')}\n${lines.map((line) => `${line}\n`).join('')}`,
      truth,
      untilMs,
    }
  }
}

type Shop = {
  readonly visitors: readonly { readonly id: string; readonly userAgent: string }[]
  readonly products: readonly { readonly id: string; readonly cents: number }[]
}

function makeShop(seed: number, visitors: number): Shop {
  const random = makeRandom(seed)
  const LocalFaker = en.constructor as new (options: FakerOptions) => Faker
  const faker = new LocalFaker({
    locale: en.rawDefinitions,
    randomizer: { next: random.next, seed: () => {} }, // seeded already
  })
  return {
    visitors: Array.from({ length: visitors }, (_, nth) => ({
      id: String(2n ** 53n + 1n + 2n * BigInt(nth)), // odd, above 2^53: a double would make it its neighbour
      userAgent: faker.internet.userAgent(),
    })),
    products: Array.from({ length: 120 }, (_, nth) => ({
      id: String(1_000 + nth),
      cents: 99 + 100 * Math.round(Math.exp(1 + 4 * random.next())),
    })),
  }
}

type Event = { readonly row: Row; readonly timeMs: number }

/** All events of all sessions, in the order of their times. */
function* visits(random: Random, shop: Shop, startMs: number): Generator<Event, never> {
  const under: Event[] = [] // of sessions under way, the next one last
  for (let nowMs = startMs; ; nowMs += Math.round(-Math.log(1 - random.next()) * sessionsApartMs)) {
    while (under.length > 0 && under.at(-1)!.timeMs <= nowMs) yield under.pop()!
    under.push(...visit(random, shop, nowMs))
    under.sort((a, b) => b.timeMs - a.timeMs)
  }
}

/** One session: products that are looked at, and some of them bought. Now and then with a pause in which a session ends. */
function* visit(random: Random, { visitors, products }: Shop, startMs: number): Generator<Event> {
  const visitor = random.pick(visitors)
  const session = `s-${random.uuid().slice(0, 13)}`
  let timeMs = startMs
  for (let views = 1 + random.rank(15); views > 0; views -= 1) {
    timeMs += 1_000 + random.below(2 * minute)
    if (random.chance(share.pause)) timeMs += 45 * minute
    const product = random.zipf(products)
    const row = {
      user_id: visitor.id,
      session_id: session,
      action: 'view',
      product_id: product.id,
      event_time: new Date(timeMs).toISOString(),
      price: '',
      user_agent: visitor.userAgent,
    }
    yield { row, timeMs }
    if (!random.chance(share.purchase)) continue
    timeMs += 5_000 + random.below(minute)
    const price = (product.cents / 100).toFixed(2)
    yield { row: { ...row, action: 'purchase', event_time: new Date(timeMs).toISOString(), price }, timeMs }
  }
}

/** The same row as another client of the shop spells it. */
function spelled(random: Random, row: Row, timeMs: number): Row {
  if (random.chance(0.9)) return row
  const berlin = `${new Date(timeMs + 2 * 60 * minute).toISOString().slice(0, -1)}+02:00`
  return {
    ...row,
    action: random.pick([row.action, row.action.toUpperCase(), ` ${row.action} `]),
    event_time: random.pick([String(timeMs), berlin]),
    price: row.price && random.pick([row.price, `$${row.price}`]),
  }
}

function broken(random: Random, row: Row): Row {
  return {
    ...row,
    ...random.pick<Partial<Row>>([
      { user_id: '' },
      { user_id: `user ${row.user_id}` },
      { session_id: '' },
      { action: 'clicked' },
      { product_id: 'n/a' },
      { event_time: 'yesterday' },
      { event_time: '2026-02-30T10:00:00Z' },
      { price: '-5.00' },
      { price: 'free' },
    ]),
  }
}

const csvLine = (row: Row): string =>
  columns
    .map((column) => (/[",\n]/.test(row[column]) ? `"${row[column].replaceAll('"', '""')}"` : row[column]))
    .join(',')
