import { readSettings } from '@cupel/core/settings'
import { lambdaSender } from '@cupel/io/lambda'
import { s3ObjectStore } from '@cupel/io/object-store'
import { openPostgres } from '@cupel/io/postgres'
import { datasets } from '../../datasets/index.ts'
import { makeSweep } from './sweep.ts'

const settings = readSettings(process.env, (from) => ({
  lakeBucket: from.text('LAKE_BUCKET'),
  databaseUrl: from.url('DATABASE_URL', ['postgres:', 'postgresql:']),
  landFileFunction: from.text('LAND_FILE_FUNCTION'),
  refineFunction: from.text('REFINE_FUNCTION'),
  loadFunction: from.text('LOAD_FUNCTION'),
  detectFraudFunction: from.text('DETECT_FRAUD_FUNCTION'),
  graceSeconds: from.count('SWEEP_GRACE_SECONDS', 600),
}))

export const handler = makeSweep({
  bucket: settings.lakeBucket,
  lake: s3ObjectStore(settings.lakeBucket),
  warehouse: openPostgres(settings.databaseUrl),
  datasets,
  sendToLandFile: lambdaSender(settings.landFileFunction),
  sendToRefine: lambdaSender(settings.refineFunction),
  sendToLoad: lambdaSender(settings.loadFunction),
  sendToDetectFraud: lambdaSender(settings.detectFraudFunction),
  now: Date.now,
  graceMs: settings.graceSeconds * 1000,
})
