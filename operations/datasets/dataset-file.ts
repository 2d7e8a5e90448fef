import type { Guess, GuessedField } from './guess.ts'

export type NewDataset = { readonly name: string; readonly sample: string; readonly guess: Guess }

/** `order_lines` → `orderLines`. */
export const variableOf = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase())

/** The source of `datasets/<name>/<name>.ts`. */
export function datasetFile({ name, sample, guess }: NewDataset): string {
  const withRow = guess.orderBy.field === 'row'
  const kinds = new Set([...guess.fields.map(({ kind }) => kind), ...(withRow ? ['integer'] : [])])
  const renamed = guess.fields.filter(({ name, from }) => name !== from)
  return `import { dataset, type RowOf } from '@cupel/core/dataset'
import { ${[...kinds].sort().join(', ')} } from '@cupel/core/kinds'

/** Guessed from ${guess.records} records of ${sample}: read each line, and answer each DOUBT. */
export const ${variableOf(name)} = dataset({
  name: '${name}',
  description: ${quoted(`Records as in ${sample}.`)}, // DOUBT: say what one record is
  topic: '${name}',
${
  renamed.length > 0
    ? `  landing: {\n    columns: {\n${renamed.map(({ name, from }) => `      ${quoted(from)}: '${name}',\n`).join('')}    },\n  },\n`
    : ''
}  bronzeFolder: '${name.replaceAll('_', '-')}-folder',
  silverFolder: 'processed-${name.replaceAll('_', '-')}',
  table: '${name}',
  version: 1,
${doubt(guess.key.doubt, '  ')}  key: [${guess.key.fields.map(quoted).join(', ')}],
${doubt(guess.orderBy.doubt, '  ')}  orderBy: '${guess.orderBy.field}',
  fields: {
${guess.fields.map(fieldLines).join('')}${withRow ? "    row: integer('Row of the file, from 1.'),\n" : ''}  },
})

export type ${variableOf(name)[0]!.toUpperCase()}${variableOf(name).slice(1)}Row = RowOf<typeof ${variableOf(name)}>
`
}

function fieldLines({
  name,
  kind,
  options: { words, ...options },
  isOptional,
  doubts,
}: GuessedField): string {
  const described = quoted(
    `${name[0]!.toUpperCase()}${name.slice(1).replaceAll('_', ' ')}, as the sample has it.`,
  )
  const all = { ...options, ...(isOptional && { optional: true }) }
  const shown = Object.entries(all).map(([option, value]) => `${option}: ${value}`)
  const list = words && `[${(words as readonly string[]).map(quoted).join(', ')}]`
  const args = [described, list, shown.length > 0 && `{ ${shown.join(', ')} }`].filter(Boolean)
  return `${doubts.map((each) => doubt(each, '    ')).join('')}    ${name}: ${kind}(${args.join(', ')}),\n`
}

const doubt = (text: string | undefined, indent: string): string =>
  text === undefined ? '' : `${indent}// DOUBT: ${text.replace(/\s+/g, ' ')}\n`

const quoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n')}'`

/** The source of `datasets/<name>/pipeline.ts`, whose records are those of the sample. */
export const pipelineFile = ({
  name,
  sample,
}: NewDataset): string => `import type { Pipeline } from '../pipeline.ts'
import { ${variableOf(name)} } from './${name}.ts'

/** The rows of a file. */
export const ${variableOf(name)}Pipeline: Pipeline = {
  name: '${name}',
  datasets: [${variableOf(name)}],
  source: {
    kind: 'file',
    file: 'datasets/${name}/data/${sample}',
    sentTo: ${variableOf(name)},
    usualRate: 5,
  },
}
`
