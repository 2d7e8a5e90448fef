import { readSettings } from '@cupel/core/settings'
import { openPostgres } from '@cupel/io/postgres'
import { summaries } from '../../../datasets/index.ts'
import { makeSummarize } from './summarize.ts'

const settings = readSettings(process.env, (from) => ({
  databaseUrl: from.url('DATABASE_URL', ['postgres:', 'postgresql:']),
}))

export const handler = makeSummarize({ warehouse: openPostgres(settings.databaseUrl), summaries })
