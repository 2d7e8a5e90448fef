import { readSettings } from '@cupel/core/settings'
import { engineSettings, lastingEngine, openEngine } from '@cupel/duckdb/engine'
import { refineFile } from '@cupel/duckdb/refine'
import { lambdaCaller, lambdaSender } from '@cupel/io/lambda'
import { s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres } from '@cupel/io/postgres'
import { clearTemporaryFolders } from '@cupel/io/temporary-folder'
import { datasets } from '../../../datasets/index.ts'
import { makeReplay } from './replay.ts'

const settings = readSettings(process.env, (from) => ({
  lakeBucket: from.text('LAKE_BUCKET'),
  databaseUrl: from.url('DATABASE_URL', ['postgres:', 'postgresql:']),
  loadFunction: from.text('LOAD_FUNCTION'),
  detectFraudFunction: from.text('DETECT_FRAUD_FUNCTION'),
  engine: engineSettings(from),
  personalDataKey: from.text('PERSONAL_DATA_KEY', ''), // of hashed fields
}))
clearTemporaryFolders()
const withEngine = lastingEngine(() => openEngine(settings.engine)) // opened when something is judged
const sendToDetectFraud = lambdaSender(settings.detectFraudFunction)

const replay = makeReplay({
  bucket: settings.lakeBucket,
  lake: s3ObjectStore(settings.lakeBucket),
  warehouse: openPostgres(settings.databaseUrl),
  datasets,
  refineFile: (dataset, files) => withEngine((engine) => refineFile(engine, dataset, files, settings)),
  load: lambdaCaller(settings.loadFunction),
  decide: () => sendToDetectFraud({ records: {} }), // an empty batch: what waits
  now: Date.now,
})

export const handler = (event: unknown, context: { getRemainingTimeInMillis: () => number }) =>
  replay(event, () => context.getRemainingTimeInMillis())
