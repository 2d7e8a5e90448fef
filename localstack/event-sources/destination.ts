import { randomUUID } from 'node:crypto'
import { appendFile, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'

/** In the place of a queue, a topic of SNS or an event bus, which are not emulated: a file with a line for each message. */
export async function appendMessage(file: string, message: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await appendFile(file, `${message}\n`)
}

/** A key as Lambda makes them for what it gave up on: `<folder>/2026/01/31/2026-01-31T08.15.00-<uuid>`. */
export function keyAt(folder: string, at: Date): string {
  const [date, time] = at.toISOString().slice(0, 19).split('T') as [string, string]
  return `${folder}/${date.replaceAll('-', '/')}/${date}T${time.replaceAll(':', '.')}-${randomUUID()}`
}
