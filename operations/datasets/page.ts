import type { Dataset } from '@cupel/core/dataset'
import type { Field } from '@cupel/core/kinds/kind'

/** A page about a dataset: what is in it, where it comes from and where it goes. */
export function datasetPage(dataset: Dataset): string {
  const { name, description, version, topic, landing, bronzeFolder, silverFolder, table } = dataset
  const facts = [
    `version ${version}`,
    topic !== undefined && `topic \`${topic}\``,
    landing !== undefined && `files under \`landing/${name}/\``,
    `bronze \`bronze/${bronzeFolder}/\``,
    `silver \`silver/${silverFolder}/\``,
    `quarantine \`quarantine/${name}/\``,
    `table \`${table}\``,
    `one row for each ${dataset.key.map((field) => `\`${field}\``).join(' and ')}, the newest by \`${dataset.orderBy}\``,
    dataset.unknownFields !== 'ignore' && unknownFields[dataset.unknownFields],
    dataset.tombstones !== 'quarantine' && `a tombstone ${dataset.tombstones}s its row`,
    dataset.append && 'facts that are never corrected, numbered by `id`',
    dataset.maxQuarantined < 1 &&
      `an object fails as a whole when more than ${dataset.maxQuarantined * 100} % of its records are bad`,
  ].filter((fact) => fact !== false)
  const rows = Object.entries(dataset.fields).map(([field, about]) => {
    const reference = dataset.references[field]
    const text = reference ? `${about.description} Of \`${reference.dataset}\`.` : about.description
    return `| \`${field}\` | ${kindOf(about)} | \`${about.kind.postgresType}\` | ${text.replaceAll('|', '\\|')} |`
  })
  return [
    `# ${name}`,
    '',
    '<!-- Made from the dataset by `npx cupel datasets docs`: edit that. -->',
    '',
    description,
    '',
    ...facts.map((fact) => `- ${fact}`),
    '',
    '| field | kind | in PostgreSQL | |',
    '|---|---|---|---|',
    ...rows,
    '',
    'What each kind takes is in [kinds](../kinds.md).',
    '',
  ].join('\n')
}

const unknownFields = {
  keep: 'what no field names is kept in `_unknown`',
  reject: 'records with members that no field names are rejected',
}

function kindOf({ kind, optional, personal, policy, default: given }: Field): string {
  return [
    kind.name,
    optional && 'optional',
    given !== undefined && `\`${given}\` where missing`,
    personal === true && 'personal',
    typeof personal === 'string' && (personal === 'hash' ? 'personal, hashed' : 'personal, masked'),
    policy === 'warn' && 'null where bad',
    policy === 'fail' && 'fails its object where bad',
  ]
    .filter((part) => part !== false)
    .join(', ')
}
