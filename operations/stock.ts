import { writeFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { identifier } from '@cupel/core/kinds/strings'
import { goldSql } from '@cupel/core/references'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { foldToCsv } from '@cupel/duckdb/fold'
import type { KafkaPort } from '@cupel/io/kafka'
import type { ListedObject, ObjectStore } from '@cupel/io/object-store'
import { copyCsv, type Postgres } from '@cupel/io/postgres'
import { withTemporaryFolder } from '@cupel/io/temporary-folder'
import { consumerGroups } from './consumer-groups.ts'
import { inParallel } from './in-parallel.ts'
import { keptFailures } from './kept-failures.ts'
import { landedFiles } from './landed-files.ts'
import {
  type BronzeObject,
  type CommittedOffsets,
  type DatasetStock,
  type DecisionStock,
  type LedgerEntry,
  noOffsets,
  sum,
} from './reconcile.ts'

export type StockPorts = {
  readonly kafka: Pick<KafkaPort, 'offsets' | 'groups' | 'committed'>
  readonly lake: Pick<ObjectStore, 'list' | 'head' | 'get'>
  readonly failures: Pick<ObjectStore, 'list' | 'get'> // the on-failure destination of the Kafka mappings
  readonly warehouse: Pick<Postgres, 'query' | 'transaction'>
}

/**
 * Look at all that the stages hold of some datasets, for `reconcile`. Of a dataset with no more than `compareUpToBytes`
 * of silver (default: of any) every silver object is read, and gold compared with it row by row.
 *
 * Bronze is looked at before Kafka, and silver before the ledger: where records are under way, the earlier stage is the one that
 * seems to be ahead. Silver that the ledger does not know yet is not compared with gold.
 */
export async function takeStock(
  ports: StockPorts,
  datasets: readonly Dataset[],
  { compareUpToBytes = Number.POSITIVE_INFINITY }: { compareUpToBytes?: number } = {},
): Promise<readonly DatasetStock[]> {
  const engine = await openEngine({ memoryLimit: '1GB', threads: 2 })
  try {
    const failures = await keptFailures(ports.failures)
    const ingesting = await ports.kafka.groups(consumerGroups.ingest)
    const stocks: DatasetStock[] = []
    for (const dataset of datasets) {
      const { topic } = dataset
      const files = await landedFiles(ports.lake, dataset)
      const bronze = await bronzeObjects(ports.lake, dataset)
      const silver = await listed(ports.lake, `silver/${dataset.silverFolder}/`)
      const ledger = await ledgerEntries(ports.warehouse, dataset)
      const loaded = new Set(
        ledger.filter(({ problem }) => problem === null).map(({ objectKey }) => objectKey),
      )
      const compared = sum(silver, ({ size }) => size) <= compareUpToBytes
      stocks.push({
        dataset,
        kafka: topic === undefined ? noOffsets : await ports.kafka.offsets(topic),
        committed: {
          ingest: await committed(ports.kafka, ingesting, topic),
          detectFraud: await committed(ports.kafka, [consumerGroups.detectFraud], topic),
        },
        keptFailures: failures.filter((failure) => failure.topic === topic),
        files,
        bronze,
        ledger,
        silver: silver.map(({ key }) => key),
        quarantine: await quarantineObjects(ports.lake, dataset),
        gold: compared
          ? await compareGold(ports, engine, dataset, loaded)
          : { rows: await countRows(ports.warehouse, dataset), compared, notTheFoldOfSilver: [] },
      })
    }
    return stocks
  } finally {
    engine.close()
  }
}

/** The decisions on the transactions of a dataset, compared with the valid ones that gold holds. */
export async function takeStockOfDecisions(
  warehouse: Pick<Postgres, 'query'>,
  topic: string,
): Promise<DecisionStock> {
  const ids = async (sql: string) =>
    (await warehouse.query<{ id: string }>(`${sql} ORDER BY 1 LIMIT ${some}`)).map(({ id }) => id)
  // The oldest, so that what is under way hides nothing that stays.
  const placed = async (sql: string) => {
    const rows = await warehouse.query<Record<'id' | 'partition' | 'record_offset', string>>(
      `SELECT * FROM (${sql}) AS found ORDER BY record_offset, partition LIMIT ${some}`,
    )
    return rows.map(({ id, partition, record_offset }) => ({
      id,
      partition: Number(partition),
      offset: Number(record_offset),
    }))
  }
  const [counts] = await warehouse.query<{ fraud: string; genuine: string }>(
    'SELECT (SELECT count(*) FROM fraud_transaction) AS fraud, (SELECT count(*) FROM genuine_transaction) AS genuine',
  )
  const progress = await warehouse.query<Record<'partition' | 'first_offset' | 'next_offset', string>>(
    'SELECT partition, first_offset, next_offset FROM fraud_progress WHERE topic = $1 ORDER BY partition',
    [topic],
  )
  const gaps = await warehouse.query<Record<'partition' | 'from_offset' | 'to_offset', string>>(
    `SELECT partition, from_offset, to_offset FROM fraud_gaps WHERE topic = $1 AND cause IS NULL
      ORDER BY partition, from_offset`,
    [topic],
  )
  return {
    topic,
    fraud: Number(counts?.fraud),
    genuine: Number(counts?.genuine),
    undecided: await placed(
      `SELECT transaction_id AS id, _partition AS partition, _offset AS record_offset FROM transactions
        WHERE NOT EXISTS (SELECT FROM fraud_decisions AS d WHERE d.transaction_id = transactions.transaction_id)`,
    ),
    unexpected: await placed(
      `SELECT DISTINCT ON (id) transaction_id AS id, partition, record_offset FROM fraud_decisions AS d
        WHERE NOT EXISTS (SELECT FROM transactions WHERE transactions.transaction_id = d.transaction_id)
        ORDER BY id, version`,
    ),
    withoutAlert: await ids(
      `SELECT DISTINCT transaction_id AS id FROM fraud_decisions LEFT JOIN alerts USING (transaction_id, version)
        WHERE verdict = 'fraud' AND alerts.id IS NULL`,
    ),
    unsent: await ids(
      `SELECT DISTINCT transaction_id AS id FROM alerts
        WHERE sent_at IS NULL AND created_at < clock_timestamp() - interval '1 minute'`,
    ),
    progress: progress.map((row) => ({
      partition: Number(row.partition),
      firstOffset: Number(row.first_offset),
      nextOffset: Number(row.next_offset),
    })),
    gaps: gaps.map((row) => ({
      partition: Number(row.partition),
      firstOffset: Number(row.from_offset),
      lastOffset: Number(row.to_offset),
    })),
  }
}

const some = 20 // of what is wrong; more helps nobody to see what

async function committed(
  kafka: Pick<KafkaPort, 'committed'>,
  groupIds: readonly string[],
  topic: string | undefined,
): Promise<CommittedOffsets> {
  if (topic === undefined) return new Map()
  const found = await Promise.all(groupIds.map((groupId) => kafka.committed(groupId, topic)))
  return new Map(found.flatMap((offsets) => [...offsets])) // one group reads a topic
}

const listed = async (lake: StockPorts['lake'], prefix: string): Promise<readonly ListedObject[]> =>
  inParallel(lake.list(prefix), async (object) => object)

async function quarantineObjects(
  lake: StockPorts['lake'],
  { name }: Dataset,
): Promise<DatasetStock['quarantine']> {
  return inParallel(lake.list(`quarantine/${name}/`), async ({ key }) => {
    const { body } = (await lake.get(key))!
    return { key, lines: body.reduce((lines, byte) => (byte === 0x0a ? lines + 1 : lines), 0) }
  })
}

async function countRows(warehouse: StockPorts['warehouse'], { table }: Dataset): Promise<number> {
  const [row] = await warehouse.query<{ count: string }>(`SELECT count(*) FROM ${identifier(table)}`)
  return Number(row?.count)
}

async function bronzeObjects(
  lake: StockPorts['lake'],
  { bronzeFolder }: Dataset,
): Promise<readonly BronzeObject[]> {
  return inParallel(lake.list(`bronze/${bronzeFolder}/`), async ({ key }) => {
    const { metadata } = (await lake.head(key))!
    return {
      key,
      partition: Number(/partition=(\d+)\//.exec(key)?.[1]),
      firstOffset: Number(metadata['first-offset']),
      lastOffset: Number(metadata['last-offset']),
      records: Number(metadata.records),
    }
  })
}

async function ledgerEntries(
  warehouse: StockPorts['warehouse'],
  { name }: Dataset,
): Promise<readonly LedgerEntry[]> {
  const rows = await warehouse.query<Record<'records' | 'silver' | 'quarantined' | 'duplicates', string>>(
    `SELECT object_key AS "objectKey", records, silver, quarantined, duplicates, problem
       FROM ledger WHERE dataset = $1 ORDER BY object_key`,
    [name],
  )
  return rows.map((row) => ({
    ...(row as unknown as LedgerEntry),
    records: Number(row.records), // bigint comes as text
    silver: Number(row.silver),
    quarantined: Number(row.quarantined),
    duplicates: Number(row.duplicates),
  }))
}

/** G3: the newest loaded record of each key, by the very comparison that gold uses, against gold's rows, by address. */
async function compareGold(
  { lake, warehouse }: StockPorts,
  engine: Engine,
  dataset: Dataset,
  loaded: ReadonlySet<string>, // keys of silver objects
): Promise<DatasetStock['gold']> {
  return withTemporaryFolder(async (folder) => {
    let count = 0
    const files = await inParallel(loaded, async (key) => {
      const object = await lake.get(key)
      if (!object) return undefined
      const file = folder.file(`${count++}.parquet`)
      await writeFile(file, object.body)
      return file
    })
    const csv = folder.file('fold.csv')
    const table = identifier(dataset.table)
    const columns = [...dataset.key, '_partition', '_offset'].map(identifier)
    await foldToCsv(engine, dataset, { files: files.filter((file) => file !== undefined), csv })
    return warehouse.transaction(async (transaction) => {
      const selected = columns.join(', ')
      await transaction.query(
        `CREATE TEMPORARY TABLE fold ON COMMIT DROP AS SELECT ${selected} FROM ${table} WITH NO DATA`,
      )
      await copyCsv(transaction, { table: 'fold', columns, file: csv })
      const { rows } = await transaction.query(
        `(SELECT ${selected} FROM fold EXCEPT SELECT ${selected} FROM ${goldSql(dataset)})
         UNION (SELECT ${selected} FROM ${goldSql(dataset)} EXCEPT SELECT ${selected} FROM fold) ORDER BY ${selected} LIMIT ${some}`,
      )
      const counted = await transaction.query(`SELECT count(*) FROM ${table}`)
      return {
        rows: Number(counted.rows[0].count),
        compared: true,
        notTheFoldOfSilver: [
          ...new Set(rows.map((row) => dataset.key.map((field) => String(row[field])).join(' '))),
        ],
      }
    })
  })
}
