import type { GeneratedFile, GenerateFilesOptions } from '../pipeline.ts'
import { makeRandom, type Random } from '../random.ts'

const usersFrom = 9_007_199_254_740_993n // 2^53 + 1: no double holds it
const users = 2_000
const productsFrom = 90_071_992_547_409_921n
const products = 300
const share = { duplicate: 0.01, late: 0.02, purchase: 0.12, noAgent: 0.03 }
const meanGapMs = 2_000 // between two events of the shop
const header = 'user_id,session_id,action,product_id,event_time,price,user_agent'

// The most frequent first.
const agents = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
]

type Session = { readonly user: bigint; readonly id: string; readonly agent: string; product: bigint }

/**
 * A shop's files, in the order of their time: visits of several views, some of which end in a purchase. Now and then an
 * event comes twice, or in a later file than its time says, and `dirt` of the rows are broken.
 *
 * The same options give the same files. Lazy, one pass, with memory for the visits that go on.
 */
export function* generateShopFiles({
  seed,
  run,
  startMs,
  records,
  recordsInFile,
  dirt,
}: GenerateFilesOptions): Generator<GeneratedFile> {
  const random = makeRandom(seed, run)
  const sessions: Session[] = Array.from({ length: 20 }, () => begin(random))
  let late: string[] = []
  let nowMs = startMs
  for (let made = 0, file = 1; made < records; file += 1) {
    const rows = late
    late = []
    while (rows.length < recordsInFile && made + rows.length < records) {
      nowMs += Math.round(2 * meanGapMs * random.next())
      const row = event(random, sessions, nowMs)
      if (random.chance(share.late)) late.push(row)
      else rows.push(random.chance(dirt) ? broken(random, row) : row)
      if (random.chance(share.duplicate)) rows.push(row)
    }
    const some = rows.slice(0, records - made)
    made += some.length
    yield {
      name: `events-${seed}-${run}-${String(file).padStart(6, '0')}.csv`,
      content: Buffer.from([header, ...some, ''].join('\n')),
      records: some.length,
      timestampMs: nowMs,
    }
  }
}

const begin = (random: Random): Session => ({
  user: usersFrom + BigInt(random.rank(users)),
  id: random.uuid(),
  agent: random.chance(share.noAgent) ? '' : random.zipf(agents),
  product: productsFrom + BigInt(random.rank(products)),
})

/** A visitor looks at the next product, or buys the one just looked at and leaves. */
function event(random: Random, sessions: Session[], nowMs: number): string {
  const at = random.below(sessions.length)
  const session = sessions[at]!
  const isPurchase = random.chance(share.purchase)
  if (isPurchase || random.chance(0.1)) sessions[at] = begin(random)
  else if (random.chance(0.8)) session.product = productsFrom + BigInt(random.rank(products))
  const price = isPurchase
    ? `${Number(session.product % 97n) + 1}.${random.pick(['00', '49', '95', '99'])}`
    : ''
  return [
    ...[session.user, session.id, isPurchase ? 'purchase' : 'view', session.product],
    ...[new Date(nowMs).toISOString(), price, `"${session.agent}"`],
  ].join(',')
}

/** A row that no dataset accepts. */
function broken(random: Random, row: string): string {
  const cells = row.split(',')
  switch (random.below(4)) {
    case 0:
      return ['', ...cells.slice(1)].join(',') // nobody
    case 1:
      return [...cells.slice(0, 2), 'stare', ...cells.slice(3)].join(',')
    case 2:
      return [...cells.slice(0, 4), 'yesterday', ...cells.slice(5)].join(',')
    default:
      return cells.slice(0, 3).join(',') // ragged
  }
}
