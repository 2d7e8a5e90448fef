import { parentPort, workerData } from 'node:worker_threads'
import { objectCreatedEvent } from '@cupel/core/s3-event'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres } from '@cupel/io/postgres'
import { keptFolders } from '@cupel/io/temporary-folder'
import { datasetByBronzeFolder, datasets } from '#datasets/index.ts'
import { makeLoad } from '#functions/gold/load/load.ts'
import { makeRefine } from '#functions/silver/refine/refine.ts'

/** An object of the bucket `lake`, and the function that is to have it. */
export type Task = { readonly stage: 'refine' | 'load'; readonly key: string; readonly size: number }

/**
 * One environment of the benchmark: refine and load with a DuckDB of one thread and a connection to PostgreSQL, one event
 * after the other.
 */
const bucket = 'lake'
const lake = s3ObjectStore(bucket)
const warehouse = openPostgres(workerData as string)
const engine = await openEngine({ memoryLimit: '256MB', threads: 1 })
const withFolder = keptFolders()
const stages = {
  refine: makeRefine({
    lake,
    datasetOf: datasetByBronzeFolder,
    refineFile: (dataset, files) => refineFile(engine, dataset, files),
    withFolder,
  }),
  load: makeLoad({
    lake,
    warehouse,
    datasets,
    silverToText: (dataset, files) => silverToText(engine, dataset, files),
    withFolder,
    warn: (line) => console.error(line),
  }),
}
parentPort!.on('message', async ({ stage, key, size }: Task) => {
  await stages[stage](objectCreatedEvent(bucket, [{ key, size, eTag: '' }]))
  parentPort!.postMessage(stage)
})
parentPort!.postMessage('ready')
