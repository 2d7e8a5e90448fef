import { readSettings } from '@cupel/core/settings'
import { s3ObjectStore } from '@cupel/io/object-store'
import { datasetByTopic } from '../../../datasets/index.ts'
import { makeIngest } from './ingest.ts'

const settings = readSettings(process.env, (from) => ({ lakeBucket: from.text('LAKE_BUCKET') }))

export const handler = makeIngest({
  lake: s3ObjectStore(settings.lakeBucket),
  folderOf: (topic) => datasetByTopic(topic)?.bronzeFolder,
})
