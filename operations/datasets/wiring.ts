import { variableOf } from './dataset-file.ts'

/** Where a dataset is named besides its own files: what to insert, and behind the last line of which form. */
type Insertion =
  | { readonly behind: RegExp; readonly line: string }
  | { readonly list: RegExp; readonly item: string }

const insertions = (name: string): Readonly<Record<string, readonly Insertion[]>> => {
  const variable = variableOf(name)
  const mapping = `IngestStreamEventSourceMappingMSKKafkaCluster${logicalPart(name)}`
  return {
    'datasets/index.ts': [
      { behind: /^import .*$/, line: `import { ${variable} } from './${name}/${name}.ts'` },
      { list: /datasets: readonly Dataset\[\] = [^[]*\[[^\]]*\]/, item: variable },
    ],
    'datasets/pipelines.ts': [
      {
        behind: /^import \{ \w+ \} from '\.\/\w+\/pipeline\.ts'$/,
        line: `import { ${variable}Pipeline } from './${name}/pipeline.ts'`,
      },
      { list: /Pipeline\[\]\] = \[[^\]]*\]/, item: `${variable}Pipeline` },
    ],
    'serverless.yml': [
      {
        behind: /^ {6}- msk: \{ <<: \*ingest, .*$/,
        line: `      - msk: { <<: *ingest, topic: ${name}, consumerGroupId: 'cupel-\${sls:stage}-ingest-${name.replaceAll('_', '-')}' }`,
      },
      { behind: /^ {4}IngestStreamEventSourceMapping\w+: \*ingesting$/, line: `    ${mapping}: *ingesting` },
      { behind: /^ {6}\w+: \{ partitions: \d+ \}$/, line: `      ${name}: { partitions: 1 }` },
    ],
  }
}

/** Files that must name a dataset, by path, as they read then. @throws {Error} that says which place was not found. */
export function wire(name: string, read: (path: string) => string): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(insertions(name)).map(([path, all]) => [
      path,
      all.reduce((text, insertion) => insert(path, text, insertion), read(path)),
    ]),
  )
}

function insert(path: string, text: string, insertion: Insertion): string {
  if ('list' in insertion) {
    const [found] = insertion.list.exec(text) ?? []
    if (found === undefined) throw new Error(`${path}: add ${insertion.item} to its list`)
    return text.replace(found, () => found.replace(/,?\s*\]$/, `, ${insertion.item}]`))
  }
  const lines = text.split('\n')
  const at = lines.findLastIndex((line) => insertion.behind.test(line))
  if (at < 0) throw new Error(`${path}: add a line: ${insertion.line.trim()}`)
  return lines.toSpliced(at + 1, 0, insertion.line).join('\n')
}

/** As osls makes a topic part of a logical id: without punctuation, the first letter great. */
const logicalPart = (topic: string): string => {
  const plain = topic.replace(/[^a-zA-Z0-9]/g, '')
  return plain[0]!.toUpperCase() + plain.slice(1)
}
