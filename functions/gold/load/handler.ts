import { readSettings } from '@cupel/core/settings'
import { engineSettings, lastingEngine, openEngine } from '@cupel/duckdb/engine'
import { silverToText } from '@cupel/duckdb/silver-text'
import { s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres } from '@cupel/io/postgres'
import { clearTemporaryFolders, keptFolders } from '@cupel/io/temporary-folder'
import { datasets } from '../../../datasets/index.ts'
import { makeLoad } from './load.ts'

const settings = readSettings(process.env, (from) => ({
  lakeBucket: from.text('LAKE_BUCKET'),
  databaseUrl: from.url('DATABASE_URL', ['postgres:', 'postgresql:']),
  engine: engineSettings(from),
}))
clearTemporaryFolders()
const withEngine = lastingEngine(() => openEngine(settings.engine))
withEngine(async () => {}).catch(() => {}) // opens it while the environment starts; the first event tells of a failure

export const handler = makeLoad({
  lake: s3ObjectStore(settings.lakeBucket),
  warehouse: openPostgres(settings.databaseUrl),
  datasets,
  silverToText: (dataset, files) => withEngine((engine) => silverToText(engine, dataset, files)),
  withFolder: keptFolders(),
  warn: (line) => console.warn(line),
})
