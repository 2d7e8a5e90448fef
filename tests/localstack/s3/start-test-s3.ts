import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import { type ObjectChange, type S3Options, startS3 } from '#localstack/s3/server.ts'

/** A server on a directory of its own, with a client; `stop` ends both and removes the directory. */
export async function startTestS3(options: Partial<S3Options> = {}) {
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), 's3-')))
  const changes: ObjectChange[] = []
  const logged: string[] = []
  const server = await startS3({
    onChange: (change) => changes.push(change),
    log: (line) => logged.push(line),
    ...options,
    directory,
  })
  const client = makeClient(server.endpoint)
  return {
    ...{ directory, changes, logged, server, client, endpoint: server.endpoint },
    /** Ends the server, and leaves the directory. */
    async end() {
      client.destroy()
      await server.close()
    },
    async stop() {
      client.destroy()
      await server.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

export const makeClient = (endpoint: string, config: S3ClientConfig = {}): S3Client =>
  new S3Client({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    forcePathStyle: true,
    maxAttempts: 1,
    ...config,
  })

/** The name and status of the error that a call ends with. */
export async function failure(
  call: Promise<unknown>,
): Promise<{ name: string; status?: number; message: string }> {
  const outcome = await call.then(
    () => undefined,
    (error) => error,
  )
  if (!outcome) throw new Error('the call succeeded')
  return { name: outcome.name, status: outcome.$metadata?.httpStatusCode, message: outcome.message }
}
