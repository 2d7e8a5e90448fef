import zlib from 'node:zlib'
import { crc32c } from '#localstack/crc32c.ts'
import { int8, int16, int32, int64, varint, Writer } from '#localstack/kafka/wire.ts'

type BatchOptions = {
  readonly gzip?: boolean
  readonly producerId?: number
  readonly epoch?: number
  readonly sequence?: number
  readonly timestamps?: readonly number[] // one a record
  readonly attributes?: number
}

/** A record batch v2 as a producer sends it: a null key and the value for each record. */
export function makeBatch(values: readonly string[], options: BatchOptions = {}): Buffer {
  const { gzip = false, producerId = -1, epoch = -1, sequence = -1, attributes = 0 } = options
  const timestamps = options.timestamps ?? values.map(() => 1000)
  const records = new Writer()
  for (const [i, value] of values.entries()) {
    const record = new Writer()
    int8.write(record, 0)
    varint.write(record, timestamps[i]! - timestamps[0]!)
    varint.write(record, i)
    varint.write(record, -1)
    varint.write(record, Buffer.byteLength(value))
    record.raw(Buffer.from(value))
    varint.write(record, 0)
    varint.write(records, record.length)
    records.raw(Buffer.concat(record.finish()))
  }
  const plain = Buffer.concat(records.finish())
  const checked = new Writer()
  int16.write(checked, attributes | (gzip ? 1 : 0))
  int32.write(checked, values.length - 1)
  int64.write(checked, timestamps[0]!)
  int64.write(checked, Math.max(...timestamps))
  int64.write(checked, producerId)
  int16.write(checked, epoch)
  int32.write(checked, sequence)
  int32.write(checked, values.length)
  checked.raw(gzip ? zlib.gzipSync(plain) : plain)
  const body = Buffer.concat(checked.finish())
  const head = Buffer.alloc(21)
  head.writeInt32BE(body.length + 9, 8)
  head.writeInt8(2, 16)
  head.writeUInt32BE(crc32c(body), 17)
  return Buffer.concat([head, body])
}
