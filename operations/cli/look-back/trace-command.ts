import type { Postgres } from '@cupel/io/postgres'
import { datasets } from '#datasets/index.ts'
import { isDecided } from '#datasets/pipelines.ts'
import { Failure } from '../failure.ts'
import { showBytes } from '../numbers.ts'
import { withServices } from './services.ts'
import { traceRecord } from './trace.ts'
import { formatTrace } from './trace-text.ts'

export type TraceCommandOptions = {
  readonly dataset: string
  readonly scan?: boolean
  readonly json?: boolean
}

const scanUpToBytes = 256_000_000 // a second or two

/** Tell the life of one record, or, without a key, of the latest fraud. Exit code 1 when there is none with this key. */
export async function runTrace(
  root: string,
  asked: string | undefined,
  options: TraceCommandOptions,
): Promise<number> {
  const dataset = datasets.find(({ name }) => name === options.dataset)
  const names = datasets.map(({ name }) => name).join(', ')
  if (!dataset) throw new Failure(`there is no dataset ${options.dataset}; there are ${names}`, 2)
  if (dataset.key.length > 1)
    throw new Failure(`the key of ${dataset.name} has several fields, and trace takes one`, 2)
  if (asked === undefined && !isDecided(dataset))
    throw new Failure(`which of ${dataset.name}? cupel trace <key> --dataset ${dataset.name}`, 2)
  if (asked?.trim() === '') throw new Failure('the key is empty', 2)
  return withServices(
    root,
    async ({ ports, directory }) => {
      const key = asked ?? (await latestFraud(ports.warehouse))
      const trace = await traceRecord(ports, dataset, key, {
        scanUpToBytes: options.scan ? Number.POSITIVE_INFINITY : scanUpToBytes,
        onScan: ({ bytes }) => console.error(`Searching ${showBytes(bytes)} of bronze …`),
      })
      if (trace.records.length === 0 && !trace.gold && trace.decisions.length === 0)
        throw new Failure(`no record of ${dataset.name} has the key ${key} (searched bronze in ${directory})`)
      console.log(options.json ? JSON.stringify(trace, null, 2) : formatTrace(trace))
      return 0
    },
    ['s3', 'postgres'],
  )
}

async function latestFraud({ query }: Pick<Postgres, 'query'>): Promise<string> {
  const [row] = await query<{ transaction_id: string }>(
    'SELECT transaction_id FROM fraud_transaction ORDER BY decided_at DESC, record_offset DESC, partition LIMIT 1',
  )
  if (!row) throw new Failure('no fraud was found yet: cupel trace <transaction id>')
  return row.transaction_id
}
