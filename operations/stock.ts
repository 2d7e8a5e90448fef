import { writeFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { identifier } from '@cupel/core/kinds/strings'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import { foldToCsv } from '@cupel/duckdb/fold'
import type { KafkaPort } from '@cupel/io/kafka'
import type { ObjectStore } from '@cupel/io/object-store'
import { copyCsv, type Postgres } from '@cupel/io/postgres'
import { withTemporaryFolder } from '@cupel/io/temporary-folder'
import { inParallel } from './in-parallel.ts'
import { keptFailures } from './kept-failures.ts'
import type { BronzeObject, DatasetStock, DecisionStock, LedgerEntry } from './reconcile.ts'

export type StockPorts = {
  readonly kafka: Pick<KafkaPort, 'offsets'>
  readonly lake: Pick<ObjectStore, 'list' | 'head' | 'get'>
  readonly failures: Pick<ObjectStore, 'list' | 'get'> // the on-failure destination of the Kafka mappings
  readonly warehouse: Pick<Postgres, 'query' | 'transaction'>
}

/** Look at all that the stages hold of some datasets, for `reconcile`. Reads every silver object once. */
export async function takeStock(
  ports: StockPorts,
  datasets: readonly Dataset[],
): Promise<readonly DatasetStock[]> {
  const engine = await openEngine({ memoryLimit: '1GB', threads: 2 })
  try {
    const failures = await keptFailures(ports.failures)
    const stocks: DatasetStock[] = []
    for (const dataset of datasets)
      stocks.push({
        dataset,
        kafka: await ports.kafka.offsets(dataset.topic),
        keptFailures: failures.filter(({ topic }) => topic === dataset.topic),
        bronze: await bronzeObjects(ports.lake, dataset),
        ledger: await ledgerEntries(ports.warehouse, dataset),
        gold: await compareGold(ports, engine, dataset),
      })
    return stocks
  } finally {
    engine.close()
  }
}

/** The decisions on transactions, compared with the valid transactions that gold holds. */
export async function takeStockOfDecisions(warehouse: Pick<Postgres, 'query'>): Promise<DecisionStock> {
  const ids = async (sql: string) =>
    (await warehouse.query<{ transaction_id: string }>(sql)).map((row) => row.transaction_id)
  const [counts] = await warehouse.query<{ fraud: string; genuine: string }>(
    'SELECT (SELECT count(*) FROM fraud_transaction) AS fraud, (SELECT count(*) FROM genuine_transaction) AS genuine',
  )
  return {
    fraud: Number(counts?.fraud),
    genuine: Number(counts?.genuine),
    undecided: await ids(
      'SELECT transaction_id FROM transactions EXCEPT SELECT transaction_id FROM fraud_decisions LIMIT 3',
    ),
    unexpected: await ids(
      'SELECT transaction_id FROM fraud_decisions EXCEPT SELECT transaction_id FROM transactions LIMIT 3',
    ),
  }
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

/** G3: the newest silver record of each key, by the very comparison that gold uses, against gold's rows, by address. */
async function compareGold(
  { lake, warehouse }: StockPorts,
  engine: Engine,
  dataset: Dataset,
): Promise<DatasetStock['gold']> {
  return withTemporaryFolder(async (folder) => {
    let count = 0
    const files = await inParallel(lake.list(`silver/${dataset.silverFolder}/`), async ({ key }) => {
      const file = folder.file(`${count++}.parquet`)
      await writeFile(file, (await lake.get(key))!.body)
      return file
    })
    const csv = folder.file('fold.csv')
    const table = identifier(dataset.table)
    const columns = [...dataset.key, '_partition', '_offset'].map(identifier)
    await foldToCsv(engine, dataset, { files, csv })
    return warehouse.transaction(async (transaction) => {
      const selected = columns.join(', ')
      await transaction.query(
        `CREATE TEMPORARY TABLE fold ON COMMIT DROP AS SELECT ${selected} FROM ${table} WITH NO DATA`,
      )
      await copyCsv(transaction, { table: 'fold', columns, file: csv })
      const { rows } = await transaction.query(
        `(SELECT ${selected} FROM fold EXCEPT SELECT ${selected} FROM ${table})
         UNION (SELECT ${selected} FROM ${table} EXCEPT SELECT ${selected} FROM fold) LIMIT 3`,
      )
      const counted = await transaction.query(`SELECT count(*) FROM ${table}`)
      return {
        rows: Number(counted.rows[0].count),
        notTheFoldOfSilver: rows.map((row) => dataset.key.map((field) => String(row[field])).join(' ')),
      }
    })
  })
}
