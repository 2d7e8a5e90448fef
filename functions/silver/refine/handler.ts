import { readSettings } from '@cupel/core/settings'
import { engineSettings, lastingEngine, openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { s3ObjectStore } from '@cupel/io/object-store'
import { clearTemporaryFolders, keptFolders } from '@cupel/io/temporary-folder'
import { datasetByBronzeFolder } from '../../../datasets/index.ts'
import { makeRefine } from './refine.ts'

const settings = readSettings(process.env, (from) => ({
  lakeBucket: from.text('LAKE_BUCKET'),
  engine: engineSettings(from),
  personalDataKey: from.text('PERSONAL_DATA_KEY', ''), // of hashed fields
}))
clearTemporaryFolders()
const withEngine = lastingEngine(() => openEngine(settings.engine))
withEngine(async () => {}).catch(() => {}) // opens it while the environment starts; the first event tells of a failure

export const handler = makeRefine({
  lake: s3ObjectStore(settings.lakeBucket),
  datasetOf: datasetByBronzeFolder,
  refineFile: (dataset, files) => withEngine((engine) => refineFile(engine, dataset, files, settings)),
  withFolder: keptFolders(),
})
