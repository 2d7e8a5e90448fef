import { readSettings } from '@cupel/core/settings'
import { s3ObjectStore } from '@cupel/io/object-store'
import { clearTemporaryFolders } from '@cupel/io/temporary-folder'
import { datasets } from '../../../datasets/index.ts'
import { makeLandFile } from './land.ts'

const settings = readSettings(process.env, (from) => ({ lakeBucket: from.text('LAKE_BUCKET') }))
clearTemporaryFolders()

export const handler = makeLandFile({
  lake: s3ObjectStore(settings.lakeBucket),
  datasets,
  async openParquet(file) {
    // Native code that all other files need not wait for.
    const { openEngine } = await import('@cupel/duckdb/engine')
    const { openForeign } = await import('@cupel/duckdb/foreign-parquet')
    return openForeign(await openEngine(), file)
  },
  warn: (line) => console.warn(line),
})
