import { readSettings } from '@cupel/core/settings'
import { openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { s3ObjectStore } from '@cupel/io/object-store'
import { clearTemporaryFolders } from '@cupel/io/temporary-folder'
import { datasetByBronzeFolder } from '../../../datasets/index.ts'
import { makeRefine } from './refine.ts'

const settings = readSettings(process.env, (from) => ({
  lakeBucket: from.text('LAKE_BUCKET'),
  memoryLimit: from.text('DUCKDB_MEMORY_LIMIT', '512MB'),
  threads: from.count('DUCKDB_THREADS', 1),
}))
clearTemporaryFolders()
const engine = openEngine({ memoryLimit: settings.memoryLimit, threads: settings.threads })

export const handler = makeRefine({
  lake: s3ObjectStore(settings.lakeBucket),
  datasetOf: datasetByBronzeFolder,
  refineFile: async (dataset, files) => refineFile(await engine, dataset, files),
})
