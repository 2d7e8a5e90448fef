import type { IncomingHttpHeaders } from 'node:http'
import { S3Error } from './errors.ts'

const kept = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-type',
  'expires',
] as const
const metaPrefix = 'x-amz-meta-'
const mostMetadata = 2048 // bytes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html

// Each would change what a request does, so none is passed over in silence.
const notEmulated = [
  'x-amz-object-lock-legal-hold',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-retain-until-date',
  'x-amz-rename-source',
  'x-amz-server-side-encryption-customer-algorithm',
  'x-amz-tagging',
  'x-amz-website-redirect-location',
  'x-amz-write-offset-bytes',
]

/** The headers of an upload that GET gives back. Throws `MetadataTooLarge`, and `NotImplemented` for what has no effect here. */
export function objectHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  for (const name of notEmulated) {
    if (headers[name] !== undefined)
      throw new S3Error('NotImplemented', `${name} is not emulated`, { Header: name })
  }
  const found: Record<string, string> = {}
  for (const name of kept) {
    const value = headers[name]?.toString()
    if (value) found[name] = value
  }
  // The framing of the transfer is no property of the object.
  const encoding = found['content-encoding']?.split(',').map((item) => item.trim())
  const lasting = encoding?.filter((item) => item.toLowerCase() !== 'aws-chunked').join(',')
  if (lasting) found['content-encoding'] = lasting
  else delete found['content-encoding']
  found['content-type'] ??= 'binary/octet-stream'
  let length = 0
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(metaPrefix) || value === undefined) continue
    found[name] = value.toString()
    length += name.length - metaPrefix.length + value.toString().length
  }
  if (length > mostMetadata) {
    throw new S3Error('MetadataTooLarge', 'Your metadata headers exceed the maximum allowed metadata size', {
      Size: length,
      MaxSizeAllowed: mostMetadata,
    })
  }
  return found
}

/** The `response-*` parameters of a GET, as the headers that they override. */
export const overriddenHeaders = (query: URLSearchParams): Record<string, string> =>
  Object.fromEntries(
    kept.flatMap((name) => {
      const value = query.get(`response-${name}`)
      if (value !== null && !/^[\t\x20-\x7e]*$/.test(value)) {
        throw new S3Error('InvalidArgument', `response-${name} is no header value`)
      }
      return value === null ? [] : [[name, value]]
    }),
  )
