import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { StartError, systemCode } from './errors.ts'

/** What the files of a data directory look like, the broker's and the store's together. Counted up when one changes. */
export type DataFormat = {
  readonly current: number
  /** By the format that is there: brings a directory to the next one. Ends whole or throws; a kill runs it again. */
  readonly upgrades: ReadonlyMap<number, (directory: string) => Promise<void>>
}

const dataFormat: DataFormat = { current: 1, upgrades: new Map() }

/**
 * Makes sure that this version can read what is in a directory, before anything in it is touched: notes the format in
 * `format.json` where there is none, and upgrades an older one. Data from before the note are of format 1.
 *
 * Throws `StartError` for a format that is newer, or older without a way to bring it here.
 */
export async function settleFormat(
  directory: string,
  { madeBy, format = dataFormat }: { madeBy: string; format?: DataFormat },
): Promise<void> {
  const file = join(directory, 'format.json')
  const found = readFormat(file)
  if (found === undefined && format.current === 1) return writeFormat(file, { format: 1, madeBy })
  for (let step = found?.format ?? 1; step !== format.current; step++) {
    const upgrade = format.upgrades.get(step)
    if (!upgrade) throw unreadable(directory, `is in data format ${step}${by(found)}`, format.current)
    await upgrade(directory)
    writeFormat(file, { format: step + 1, madeBy })
  }
}

type Note = { readonly format: number; readonly madeBy?: string }

function readFormat(file: string): Note | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const { format, madeBy } = JSON.parse(text)
    if (Number.isSafeInteger(format)) return { format, ...(typeof madeBy === 'string' && { madeBy }) }
  } catch {} // not JSON, or not an object
  throw new StartError(
    'DIRECTORY_FORMAT',
    `${file} does not say which format the data beside it have: put it back (this version writes {"format":${dataFormat.current}}), ` +
      'or delete the whole directory',
  )
}

/** At once, and to the disk: neither a kill nor a power cut leaves half a note. */
function writeFormat(file: string, note: Note): void {
  const fd = openSync(`${file}.new`, 'w')
  try {
    writeSync(fd, `${JSON.stringify(note)}\n`)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(`${file}.new`, file)
}

const by = (note: Note | undefined): string => (note?.madeBy ? ` (made by ${note.madeBy})` : '')

const unreadable = (directory: string, what: string, current: number): StartError =>
  new StartError(
    'DIRECTORY_FORMAT',
    `${directory} ${what}, which this version, of format ${current}, cannot read: run the version that made it, ` +
      'delete that directory to start afresh, or start with CUPEL_DIRECTORY set to another folder',
  )
