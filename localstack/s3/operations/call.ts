import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Checksum } from '../checksums.ts'
import type { ObjectChange } from '../object-change.ts'
import type { StoredObject } from '../object-file.ts'
import type { Change, Store } from '../storage.ts'
import { type XmlContent, type XmlFields, xmlDocument } from '../xml.ts'

/** One request, taken apart. `bucket` and `key` are decoded, and empty when the operation has none. */
export type Call = {
  readonly request: IncomingMessage // to be read at most once
  readonly headers: IncomingHttpHeaders
  readonly query: URLSearchParams
  readonly bucket: string
  readonly key: string
  readonly store: Store
  readonly region: string
  /** Tells of a change that is durable and visible; it is passed on after the answer. */
  readonly changed: (eventName: ObjectChange['eventName'], change: Change) => void
}

export type Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number>>
  readonly document?: string // XML
  readonly content?: { readonly object: StoredObject; readonly start: number; readonly length: number } // closed by who sends it
}

export type Operation = (call: Call) => Promise<Answer>

export const xmlAnswer = (root: string, content: XmlContent, headers: Answer['headers'] = {}): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/xml', ...headers },
  document: xmlDocument(root, content),
})

export const quoted = (eTag: string): string => `"${eTag}"`
export const isoTime = (ms: number): string => new Date(ms).toISOString()

/** A checksum as response headers. */
export const checksumHeaders = (checksum: Checksum | undefined): Record<string, string> =>
  checksum
    ? { [`x-amz-checksum-${checksum.name}`]: checksum.value, 'x-amz-checksum-type': checksum.type }
    : {}

/** A checksum as elements of an answer document. */
export const checksumFields = (checksum: Checksum | undefined): XmlFields =>
  checksum ? { [`Checksum${checksum.name.toUpperCase()}`]: checksum.value, ChecksumType: checksum.type } : {}
