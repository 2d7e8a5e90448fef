import { readSettings } from '@cupel/core/settings'
import { openPostgres } from '@cupel/io/postgres'
import { makeDetect } from './detect.ts'

const settings = readSettings(process.env, (from) => ({
  databaseUrl: from.url('DATABASE_URL', ['postgres:', 'postgresql:']),
}))

export const handler = makeDetect({
  warehouse: openPostgres(settings.databaseUrl),
  alerts: { send: async ({ line }) => console.log(line) },
  now: Date.now,
})
