import type { Dataset } from '@cupel/core/dataset'

/**
 * The tables of gold as sources of dbt, with the tests that hold by their definition. They are looked for in the schema
 * `public`, unless dbt's variable `gold_schema` says another.
 */
export function dbtSources(datasets: readonly Dataset[]): string {
  const tables = datasets.flatMap((dataset) => [
    `      - name: ${dataset.table}`,
    `        description: ${quoted(dataset.description)}`,
    '        columns:',
    ...Object.keys(dataset.fields).flatMap((field) => columnLines(dataset, field, datasets)),
  ])
  return [
    '# Made from the datasets by `npx cupel datasets docs`: edit those.',
    'version: 2',
    'sources:',
    '  - name: gold',
    `    description: ${quoted('What each dataset holds: one row a key, the newest.')}`,
    `    schema: "{{ var('gold_schema', 'public') }}"`,
    '    loaded_at_field: _loaded_at',
    '    tables:',
    ...tables,
    '',
  ].join('\n')
}

function columnLines(dataset: Dataset, name: string, datasets: readonly Dataset[]): string[] {
  const { kind, description, optional, personal } = dataset.fields[name]!
  const reference = dataset.references[name]
  const parent = datasets.find((other) => other.name === reference?.dataset)
  const tests = [
    !optional && ['not_null'],
    dataset.key.length === 1 && dataset.key[0] === name && ['unique'],
    // A row with `late: 'backfill'` may stand there before its parent.
    reference?.late === 'defer' &&
      parent?.key.length === 1 && [
        'relationships:',
        '    arguments:',
        `      to: source('gold', '${parent.table}')`,
        `      field: ${parent.key[0]}`,
      ],
  ].filter((test) => test !== false)
  return [
    `          - name: ${name}`,
    `            description: ${quoted(personal ? `${description} Personal.` : description)}`,
    `            data_type: ${quoted(kind.postgresType)}`,
    ...(tests.length > 0 ? ['            data_tests:'] : []),
    ...tests.flatMap(([first, ...rest]) => [
      `              - ${first}`,
      ...rest.map((line) => `              ${line}`),
    ]),
  ]
}

/** A YAML scalar in double quotes: JSON's strings are such. */
const quoted = (text: string): string => JSON.stringify(text)
