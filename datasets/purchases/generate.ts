import type { GeneratedRecord, GenerateOptions } from '../pipeline.ts'
import { makeRandom, type Random } from '../random.ts'

/** A record before it is written; whole cents of its currency. */
type Line = {
  readonly record_id: string
  readonly kind: 'purchase' | 'return' | 'correction'
  readonly refers_to?: string
  readonly receipt: string
  readonly buyer: string | null
  readonly store: string
  readonly category: string
  readonly item: string
  readonly quantity: number
  readonly cents: number // of one piece
  readonly discountCents: number
  readonly currency: string
  readonly payment_method: string
  readonly purchasedMs: number
}

const stores = [
  ['Berlin Mitte', 'EUR'],
  ['Lyon Part-Dieu', 'EUR'],
  ['Wien Mariahilf', 'EUR'],
  ['Leeds Briggate', 'GBP'],
  ['Boston Back Bay', 'USD'],
  ['Osaka Umeda', 'JPY'],
] as const
const goods: readonly (readonly [category: string, usualCents: number, items: readonly string[]])[] = [
  ['grocery', 450, ['bread', 'milk', 'coffee beans', 'olive oil', 'apples']],
  ['household', 900, ['detergent', 'candles', 'light bulb', 'towel']],
  ['clothing', 4_500, ['shirt', 'socks', 'raincoat', 'scarf']],
  ['books', 1_800, ['novel', 'atlas', 'cookbook']],
  ['electronics', 12_000, ['headphones', 'kettle', 'charger']],
  ['garden', 2_500, ['seeds', 'watering can', 'gloves']],
]
const buyers = 300
const receiptEveryMs = 30 * 60_000
const dayMs = 86_400_000
const keptLines = 500 // what can still be brought back or put right
const share = {
  return: 0.05,
  correction: 0.01,
  rewritten: 0.01,
  duplicate: 0.02,
  late: 0.03,
  unknownBuyer: 0.1,
}

/**
 * Purchases of some months: receipts of one line to five; 5 % of the lines come back, 1 % are corrected, 1 % written anew, 2 %
 * sent twice, and 3 % come up to 40 days late, into months that were thought to be over.
 */
export function* generatePurchases({
  seed,
  run,
  startMs,
  records,
  dirt,
}: GenerateOptions): Generator<GeneratedRecord> {
  const random = makeRandom(seed, 1 + run)
  const kept: Line[] = []
  let sent = 0
  let nowMs = startMs
  const send = (line: Line, recordedMs = nowMs): GeneratedRecord => ({
    topic: 'purchases',
    key: line.receipt,
    value: random.chance(dirt) ? broken(random, line, recordedMs) : written(line, recordedMs),
    headers: {},
    timestampMs: nowMs,
  })
  function* all(): Generator<GeneratedRecord> {
    for (;;) {
      nowMs += Math.round(2 * receiptEveryMs * random.next())
      for (const line of receipt(random, nowMs)) {
        yield send(line)
        kept[random.below(keptLines)] = line
        if (random.chance(share.duplicate)) yield send(line)
        const earlier = kept[random.below(keptLines)]
        if (!earlier) continue
        const later = {
          ...earlier,
          record_id: random.uuid(),
          refers_to: earlier.record_id,
          purchasedMs: nowMs,
          discountCents: 0,
        }
        if (random.chance(share.return))
          yield send({ ...later, kind: 'return', quantity: 1 + random.below(earlier.quantity) })
        if (random.chance(share.correction))
          yield send({ ...later, kind: 'correction', quantity: random.pick([-1, 1]) })
        if (random.chance(share.rewritten)) yield send({ ...earlier, quantity: earlier.quantity + 1 })
      }
    }
  }
  for (const record of all()) {
    if (sent === records) return
    sent += 1
    yield record
  }
}

function* receipt(random: Random, nowMs: number): Generator<Line> {
  const [store, currency] = random.zipf(stores)
  const isLate = random.chance(share.late)
  const common = {
    kind: 'purchase',
    receipt: random.uuid(),
    buyer: random.chance(share.unknownBuyer) ? null : `B${String(1 + random.rank(buyers)).padStart(4, '0')}`,
    store,
    currency,
    payment_method: random.pick(['card', 'card', 'card', 'cash', 'voucher']),
    purchasedMs: isLate ? nowMs - random.below(40 * dayMs) : nowMs,
  } as const
  for (let lines = 1 + random.rank(5); lines > 0; lines -= 1) {
    const [category, usualCents, items] = random.zipf(goods)
    const rate = currency === 'JPY' ? 150 : 1
    const cents =
      Math.max(1, Math.round((usualCents * rate * (0.5 + random.next())) / (rate === 1 ? 1 : 100))) *
      (rate === 1 ? 1 : 100)
    const quantity = 1 + random.rank(4)
    const discountCents = random.chance(0.1) ? Math.round((cents * quantity) / 1000) * 100 : 0
    yield {
      ...common,
      record_id: random.uuid(),
      category,
      item: random.pick(items),
      quantity,
      cents,
      discountCents,
    }
  }
}

const amount = (cents: number): string => (cents / 100).toFixed(2)

const fieldsOf = ({ cents, discountCents, purchasedMs, ...line }: Line, recordedMs: number) => ({
  ...line,
  unit_price: amount(cents),
  discount: amount(discountCents),
  purchased_at: new Date(purchasedMs).toISOString(),
  recorded_at: new Date(recordedMs).toISOString(),
})

const written = (line: Line, recordedMs: number): Buffer =>
  Buffer.from(JSON.stringify(fieldsOf(line, recordedMs)))

/** What no till should send. */
function broken(random: Random, line: Line, recordedMs: number): Buffer {
  const fields = fieldsOf(line, recordedMs)
  const wrong: object = random.pick([
    { ...fields, quantity: 'two' },
    { ...fields, unit_price: 'free' },
    { ...fields, currency: 'shells' },
    { ...fields, kind: 'gift' },
    { ...fields, purchased_at: '31/02/2026' },
    { ...fields, store: ' ' },
  ])
  const text = JSON.stringify(wrong)
  return Buffer.from(random.chance(0.1) ? text.slice(0, -5) : text)
}
