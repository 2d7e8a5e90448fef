import { writeFile } from 'node:fs/promises'
import type { Dataset } from '@cupel/core/dataset'
import { newestOrder } from '@cupel/core/warehouse-sql'
import { type Engine, openEngine } from '@cupel/duckdb/engine'
import type { KafkaPort } from '@cupel/io/kafka'
import type { ObjectStore } from '@cupel/io/object-store'
import { copyCsv, type Postgres, type Transaction } from '@cupel/io/postgres'
import { type TemporaryFolder, withTemporaryFolder } from '@cupel/io/temporary-folder'
import type { BronzeObject, DatasetStock, DecisionStock, LedgerEntry } from './reconcile.ts'

export type StockPorts = {
  readonly kafka: Pick<KafkaPort, 'offsets'>
  readonly lake: Pick<ObjectStore, 'list' | 'head' | 'get'>
  readonly failures: Pick<ObjectStore, 'list'>
  readonly warehouse: Pick<Postgres, 'query' | 'transaction'>
}
