import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { S3Credentials } from './config.ts'
import { holderOf } from './directory-lock.ts'

/** Where the parts of a local cloud listen. */
export type Endpoints = {
  readonly kafka: string // host:port, comma-separated
  readonly s3: string
  readonly s3Credentials?: S3Credentials // absent: the embedded one, which takes any
  readonly lambda: string
  readonly postgres?: string // URL with user and password
}

const fileOf = (directory: string) => join(directory, 'endpoints.json')

/**
 * For other programs of this machine: where everything listens, while it does. Holds a password, so for the user only.
 * Gives what takes it away again.
 */
export async function publishEndpoints(
  directory: string,
  endpoints: Endpoints,
): Promise<() => Promise<void>> {
  const file = fileOf(directory)
  const text = `${JSON.stringify({ ...endpoints, pid: process.pid }, null, 2)}\n`
  await writeFile(`${file}.new`, text, { mode: 0o600 })
  await rename(`${file}.new`, file)
  return () => rm(file, { force: true })
}

/** Of the local cloud that runs in a directory. Undefined when none does: a killed one leaves its file, even half of it. */
export function runningEndpoints(
  directory: string,
): (Endpoints & { readonly postgres: string; readonly pid: number }) | undefined {
  try {
    const endpoints = JSON.parse(readFileSync(fileOf(directory), 'utf8'))
    // Its number may be another program's by now; the lock tells.
    return endpoints.pid === holderOf(directory) ? endpoints : undefined
  } catch {
    return undefined
  }
}
