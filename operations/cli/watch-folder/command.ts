import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { datasets } from '#datasets/index.ts'
import { runningEndpoints } from '#localstack/endpoints-file.ts'
import { local, s3Client } from '../data-ports.ts'
import { Failure } from '../failure.ts'
import { dataDirectory } from '../local-cloud.ts'
import { placing } from './scan.ts'
import { makeUploader } from './upload.ts'
import { watchFolder } from './watch.ts'

export type WatchCommandOptions = {
  readonly dataset?: string
  readonly bucket?: string
  readonly settle: number // seconds
}

const pollMs = 500

/** `cupel watch`: uploads what comes into a folder, until Ctrl-C. */
export async function runWatch(root: string, path: string, options: WatchCommandOptions): Promise<number> {
  const folder = resolve(path)
  const names = datasets.filter(({ landing }) => landing).map(({ name }) => name)
  if (options.dataset !== undefined && !names.includes(options.dataset))
    throw new Failure(`no dataset ${options.dataset} takes files; those that do: ${names.join(', ')}`, 2)
  if (!(await stat(folder).catch(() => undefined))?.isDirectory())
    throw new Failure(`${folder} is no folder`, 2)
  const { client, bucket, where } = openBucket(root, options.bucket)

  const interrupted = new AbortController()
  const interrupt = () => interrupted.abort()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
  console.log(`Watching ${folder}, for ${bucket} ${where}; Ctrl-C ends it`)
  try {
    const uploaded = await watchFolder({
      folder,
      place: placing(folder, names, options.dataset),
      upload: makeUploader(client, bucket),
      say: (line) => console.log(line),
      settleMs: options.settle * 1000,
      pollMs,
      signal: interrupted.signal,
    })
    console.log(`Stopped; uploaded: ${uploaded}`)
    return 0
  } finally {
    client.destroy()
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, interrupt)
  }
}

/** The bucket of the local cloud that runs here, or of the S3 at S3_ENDPOINT, or else of AWS, where it must be named. */
function openBucket(root: string, named: string | undefined) {
  const running = runningEndpoints(dataDirectory(root))
  const endpoint = running?.s3 ?? process.env.S3_ENDPOINT
  if (endpoint === undefined && named === undefined)
    throw new Failure(
      'nowhere to upload to: npm start runs an S3 here, S3_ENDPOINT names another, --bucket one in AWS',
    )
  return {
    client:
      endpoint === undefined
        ? new S3Client({})
        : s3Client({ s3: endpoint, s3Credentials: running?.s3Credentials }),
    bucket: named ?? local.lakeBucket,
    where: endpoint ? `at ${endpoint}` : 'in AWS',
  }
}
