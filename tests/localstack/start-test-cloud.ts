import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfig } from '#localstack/config.ts'
import { startLocalCloud } from '#localstack/local-cloud.ts'
import type { Wiring } from '#localstack/template.ts'

const show = {
  ...{ name: 'show', key: 'show', handler: 'show.handler', environment: {}, layers: [] },
  ...{ timeoutSeconds: 20, memoryMb: 128 },
}
const code = 'export const handler = async (event) => console.log(JSON.stringify(event))'

/** A local cloud in this process, at free ports and without PostgreSQL, with one function: `show`, which prints its events. */
export async function startTestCloud(wiring: Partial<Wiring>, env: Readonly<Record<string, string>> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'local-cloud-'))
  await writeFile(join(directory, 'show.mjs'), code)
  const ports = { CUPEL_PORT_KAFKA: '0', CUPEL_PORT_S3: '0' }
  const project = { directory, service: 'shop', lambdaPort: 0 }
  const events: string[] = [] // that the function was given, as JSON
  const cloud = await startLocalCloud({
    wiring: {
      ...{ functions: [show], kafkaMappings: [], bucketNotifications: [], schedules: [], buckets: [] },
      warnings: [],
      ...wiring,
    },
    config: readConfig({ postgres: false }, { ...ports, ...env }, project),
    projectDirectory: directory,
    taskRoot: directory,
    bootstrap: join(import.meta.dirname, '../../localstack/lambda/bootstrap.mjs'),
    ...{ region: 'us-east-1', accountId: '123456789012', version: 'of a test', log: () => {} },
    onFunctionLine: ({ text }) => void events.push(text),
  })
  return {
    endpoints: cloud.endpoints,
    events,
    directory: join(directory, '.cupel'),
    async stop() {
      await cloud.stop()
      await rm(directory, { recursive: true })
    },
  }
}
