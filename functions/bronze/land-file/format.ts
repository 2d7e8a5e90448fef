import type { Dataset } from '@cupel/core/dataset'
import { firstRow, type Header } from './csv.ts'
import { headBytes } from './decode.ts'
import { jsonObjectsReader } from './json.ts'
import { text } from './record.ts'

/** How a file is read, or why it cannot be. */
export type FileFormat =
  | { readonly format: 'csv' | 'tsv'; readonly header: Header }
  | { readonly format: 'json'; readonly isArray: boolean }
  | { readonly format: 'ndjson' | 'parquet' | 'empty' }
  | { readonly problem: string }

export type LandingDataset = Pick<Dataset, 'name' | 'landing' | 'fields'>

/**
 * What a file is, by its first bytes; its name decides only where text is JSON lines though the first line is none.
 * Delimited text is read with the delimiter, of the usual ones, that finds most fields of the dataset in its header.
 */
export function recognize(head: Buffer, name: string, dataset: LandingDataset): FileFormat {
  const found = look(head, name, dataset)
  const { formats } = dataset.landing ?? {}
  if ('problem' in found || found.format === 'empty' || !formats || formats.includes(found.format))
    return found
  return { problem: `it is ${found.format}, and ${dataset.name} takes ${formats.join(', ')}` }
}

function look(head: Buffer, name: string, dataset: LandingDataset): FileFormat {
  const latin1 = head.toString('latin1')
  if (latin1.startsWith('PAR1')) return { format: 'parquet' }
  if (latin1.startsWith('PK\x03\x04'))
    return { problem: 'a zip archive or an Excel file: unpack it, or save it as CSV' }
  if (latin1.includes('\0')) return { problem: 'not text' }
  const first = /[^ \t\r\n]/.exec(latin1)?.[0]
  if (first === '[') return { format: 'json', isArray: true }
  if (first === undefined) return { format: 'empty' }
  if (first === '{' && isOnManyLines(latin1)) return { format: 'json', isArray: false }
  if (first === '{' || /\.(ndjson|jsonl)(\.gz)?$/i.test(name)) return { format: 'ndjson' }
  const [header] = usualDelimiters(dataset)
    .flatMap((delimiter) => headerOf(latin1, delimiter, dataset) ?? [])
    .toSorted((a, b) => knownIn(b.columns, dataset) - knownIn(a.columns, dataset))
  if (!header) return { problem: `no header in its first ${headBytes / 1024} kB` }
  return { format: header.delimiter === '\t' ? 'tsv' : 'csv', header }
}

/** Whether JSON objects begin here that take more than a line each: the first one is whole, or its line is a brace alone. */
function isOnManyLines(head: string): boolean {
  const [object] = jsonObjectsReader().read(head)
  return object?.format === 'text' || /^[ \t\r\n]*\{[ \t]*\r?\n/.test(head)
}

const usualDelimiters = ({ landing }: LandingDataset): readonly string[] =>
  landing?.delimiter ? [landing.delimiter] : [',', ';', '\t', '|']

function headerOf(head: string, delimiter: string, dataset: LandingDataset): Header | undefined {
  const cells = firstRow(head, delimiter, head.length < headBytes)
  return cells && { delimiter, columns: cells.map((cell) => fieldOf(text(cell).trim(), dataset)) }
}

/** The field that a column of this name holds; its own name where the dataset does not know it. */
export const fieldOf = (column: string, { landing }: LandingDataset): string =>
  new Map(Object.entries(landing?.columns ?? {})).get(column) ?? column

export const knownIn = (columns: readonly string[], { fields }: LandingDataset): number =>
  columns.filter((name) => Object.hasOwn(fields, name)).length

/** The required fields that no column holds. */
export const missingIn = (columns: readonly string[], { fields }: LandingDataset): readonly string[] =>
  Object.keys(fields).filter((name) => !fields[name]!.optional && !columns.includes(name))
