import { createHash } from 'node:crypto'

// A file name holds no capital letters (file systems that fold case), only ASCII (those that normalise Unicode), no
// character that some system forbids, and is no device name of Windows (`con`, `nul.txt`).
const deviceName = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/
const escapeByte = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`
const names = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return /[a-z0-9\-_.=+,]/.test(character) ? character : escapeByte(byte)
})

const longestSegment = 200 // characters; file systems end at 255
const longestPath = 400 // characters; macOS ends at 1024, with the data directory in front
const longFolder = '@long/'

/** One `/`-separated part of a key as a file or folder name. Injective, and never empty, `.`, `..` or with a `/`. */
export function segmentName(segment: string): string {
  if (segment === '') return '%'
  let name = ''
  for (const byte of Buffer.from(segment)) name += names[byte]
  if (name.startsWith('.') || deviceName.test(name)) name = escapeByte(name.charCodeAt(0)) + name.slice(1)
  return name.endsWith('.') ? `${name.slice(0, -1)}%2e` : name
}

/**
 * Where an object of this key stands, relative to its bucket's folder, with `/` between folders. Different keys have
 * different paths, and no path leaves the folder or is a folder of another one: files end with `@`, which no folder does.
 *
 * `bronze/users/partition=0/A.ndjson` is `bronze/users/partition=0/%41.ndjson@`. A key whose path would be too long for
 * some file system stands in `@long/` under its SHA-256: such a file has to say its key itself.
 */
export function objectPath(key: string): string {
  const segments = key.split('/').map(segmentName)
  const path = `${segments.join('/')}@`
  if (path.length <= longestPath && segments.every((segment) => segment.length <= longestSegment)) return path
  return `${longFolder}${createHash('sha256').update(key).digest('hex')}@`
}

/**
 * The key whose object stands at `path`; undefined when only the file can say it (`@long/`) or when the path is not one
 * that `objectPath` makes.
 */
export function keyOfPath(path: string): string | undefined {
  if (!path.endsWith('@') || path.startsWith(longFolder)) return undefined
  try {
    const segments = path.slice(0, -1).split('/')
    const key = segments.map((name) => (name === '%' ? '' : decodeURIComponent(name))).join('/')
    return objectPath(key) === path ? key : undefined
  } catch {
    return undefined
  }
}

/** Whether a path stands in the folder of keys that are too long for a path of their own. */
export const isLongPath = (path: string): boolean => path.startsWith(longFolder)
