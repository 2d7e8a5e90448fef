import { readSettings } from '@cupel/core/settings'
import { engineSettings, openEngine } from '@cupel/duckdb/engine'
import { parquetToCsv } from '@cupel/duckdb/parquet-to-csv'
import { s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres } from '@cupel/io/postgres'
import { clearTemporaryFolders } from '@cupel/io/temporary-folder'
import { datasetBySilverFolder } from '../../../datasets/index.ts'
import { makeLoad } from './load.ts'

const settings = readSettings(process.env, (from) => ({
  lakeBucket: from.text('LAKE_BUCKET'),
  databaseUrl: from.url('DATABASE_URL', ['postgres:', 'postgresql:']),
  engine: engineSettings(from),
}))
clearTemporaryFolders()
const engine = openEngine(settings.engine)

export const handler = makeLoad({
  lake: s3ObjectStore(settings.lakeBucket),
  warehouse: openPostgres(settings.databaseUrl),
  datasetOf: datasetBySilverFolder,
  parquetToCsv: async (dataset, files) => parquetToCsv(await engine, dataset, files),
  warn: (line) => console.warn(line),
})
