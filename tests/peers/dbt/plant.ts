/** Plants a second row from one place of the file into gold, which the key of the table does not see. */
import { join } from 'node:path'
import pg from 'pg'
import { startPostgres } from '#localstack/postgres/server.ts'

const directory = join(process.env.CUPEL_DIRECTORY!, 'postgres')
const server = await startPostgres({ directory, database: 'cupel', log: console.log })
const client = new pg.Client(server.url)
await client.connect()
await client.query(
  `INSERT INTO books SELECT (jsonb_populate_record(b, jsonb_build_object('title', title || '!'))).*
     FROM books AS b ORDER BY row LIMIT 1`,
)
await client.end()
await server.stop()
