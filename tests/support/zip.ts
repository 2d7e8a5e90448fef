import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { inflateRawSync } from 'node:zlib'

/**
 * The files of a zip archive by name; folders are left out. No encryption, no archive above 4 GB.
 * https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
 */
export async function readZip(path: string): Promise<ReadonlyMap<string, Buffer>> {
  const zip = await readFile(path)
  const end = zip.lastIndexOf('PK\x05\x06', undefined, 'latin1') // end of central directory
  const files = new Map<string, Buffer>()
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const method = zip.readUInt16LE(at + 10)
    const compressedSize = zip.readUInt32LE(at + 20)
    const nameLength = zip.readUInt16LE(at + 28)
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength)
    const header = zip.readUInt32LE(at + 42)
    const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28)
    const content = zip.subarray(start, start + compressedSize)
    if (!name.endsWith('/')) files.set(name, method === 0 ? content : inflateRawSync(content))
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)
  }
  return files
}

/** Write the files of an archive below a directory, over what is there: as Lambda lays out a function, and layers in /opt. */
export async function extract(files: ReadonlyMap<string, Buffer>, directory: string): Promise<void> {
  for (const [name, content] of files) {
    const path = join(directory, name)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, content)
  }
}
