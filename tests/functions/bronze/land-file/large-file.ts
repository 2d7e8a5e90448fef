/**
 * Lands a CSV file of some megabytes, which is made as it is read, through the real function, into a lake that keeps
 * nothing. Prints what came of it, and how much memory it took.
 */
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { merchants } from '#datasets/finance/merchants.ts'
import { makeLandFile } from '#functions/bronze/land-file/land.ts'

const bytes = Number(process.argv[2]) * 1_000_000
const key = 'landing/merchants/large.csv'
const started = performance.now()
let rows = 0
let written = 0

async function* content(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('merchant_id,name,category,risk,country,city,updated_at\n')
  rows = 0
  for (let sent = 0; sent < bytes; ) {
    const some = Array.from({ length: 500 }, () => {
      const id = String(rows++).padStart(12, '0')
      return `00000000-0000-4000-9000-${id},"Café ""No. ${id}"", Inc",grocery,low,Germany,Köln,2026-01-05T00:00:00Z\n`
    })
    const piece = Buffer.from(some.join(''))
    sent += piece.byteLength
    yield piece
  }
}

const land = makeLandFile({
  lake: {
    put: async (_key, body) => {
      written += body.byteLength
      return true
    },
    head: async (asked) => (asked === key ? { eTag: 'e', metadata: {} } : undefined),
    stream: async () => ({ eTag: 'e', metadata: {}, size: bytes, modifiedMs: 0, body: content() }),
    async *list() {},
  },
  datasets: [merchants],
  openParquet: () => Promise.reject(new Error('not used')),
  warn: console.error,
})
const result = await land(objectCreatedEvent('lake', [{ key, eTag: '', size: bytes }]))
console.log(
  JSON.stringify({
    ...result,
    rows,
    writtenMb: Math.round(written / 1e6),
    seconds: (performance.now() - started) / 1000,
    rssMb: Math.round(process.resourceUsage().maxRSS / 1024),
    cpuSeconds: process.cpuUsage().user / 1e6,
  }),
)
