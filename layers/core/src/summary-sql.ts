/**
 * The SQL of summaries. Triggers note which groups a statement touched, with their old and their new values, in the
 * statement's own transaction; `gold/summarize` takes notes and computes these groups anew. So a summary is exact
 * whatever came late, twice, corrected or deleted, whoever wrote it.
 *
 * The unit that is computed anew is the group by the dataset's own fields. What is joined only splits it further: when a
 * merchant's category changes, all groups with the merchant are, and nobody needs to know the old category.
 */
import type { Dataset } from './dataset.ts'
import { identifier, literal } from './kinds/strings.ts'
import { periodColumn, periodField, type Summary } from './summary.ts'

/** The table of notes on a dataset: a touched row's fields, or, with `_through`, a key that a field refers to. */
export const notesTable = (from: Dataset): string => identifier(`${from.table}_touched`)

/** The datasets that have summaries, each with its own. */
export const summariesByDataset = (summaries: readonly Summary[]): ReadonlyMap<Dataset, readonly Summary[]> =>
  grouped(summaries, ({ from }) => from)

/**
 * Tables, notes and triggers of a dataset's summaries, as one script. All in it follows from the dataset's table, so it
 * drops what is there, and notes every row.
 */
export function createSummaries(from: Dataset, summaries: readonly Summary[]): string {
  const notes = notesTable(from)
  const table = identifier(from.table)
  const fields = noted(summaries)
  const indexes = new Map(
    summaries.map(({ by, period }) => {
      const columns = [...by.slice(0, 1), ...periodField(period)] // what a group's rows are found by
      return [[from.table, ...columns].join('_'), columns]
    }),
  )
  return [
    `DROP TABLE IF EXISTS ${notes};`,
    `CREATE TABLE ${notes} (\n  ${[...fields.map((name) => `${identifier(name)} ${from.fields[name]!.kind.postgresType}`), '"_through" text'].join(',\n  ')}\n);`,
    `COMMENT ON TABLE ${notes} IS ${literal(`What changed in ${from.table} since it was last summarized.`)};`,
    ...summaries.map(createTable),
    ...[...indexes].map(
      ([name, columns]) =>
        `CREATE INDEX IF NOT EXISTS ${identifier(name)} ON ${table} (${columns.map(identifier).join(', ')});`,
    ),
    createTriggers(from, summaries),
    `${note(from, summaries, table)};`,
  ].join('\n')
}

/**
 * One transaction's work on a dataset's summaries. `begin` waits for another that does the same, before its snapshot is
 * taken; `take` takes at most `most` notes and answers how many; `compute` brings their groups up to date. With `anew` before it,
 * and all notes taken, nothing of what was there stays. A writer that
 * commits after the snapshot leaves notes that are not seen here, and stay.
 */
export function summarizeStatements(from: Dataset, summaries: readonly Summary[], most: number | 'ALL') {
  const notes = notesTable(from)
  return {
    begin: [
      'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ',
      `LOCK TABLE ${notes} IN SHARE UPDATE EXCLUSIVE MODE`,
      `CREATE TEMPORARY TABLE taken (LIKE ${notes}) ON COMMIT DROP`,
    ],
    anew: [
      ...summaries.map(({ name }) => `DELETE FROM ${identifier(name)}`),
      note(from, summaries, identifier(from.table)),
    ],
    take: `WITH gone AS (DELETE FROM ${notes} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${notes} LIMIT ${most})) RETURNING *),
different AS (INSERT INTO taken SELECT DISTINCT * FROM gone) SELECT count(*)::int AS taken FROM gone`,
    compute: summaries.flatMap((summary) => {
      const table = identifier(summary.name)
      const columns = columnsOf(summary).map(identifier).join(', ')
      return [
        `CREATE TEMPORARY TABLE groups ON COMMIT DROP AS ${touchedGroups(summary, 'taken')}`,
        'ANALYZE groups',
        `DELETE FROM ${table} AS present USING groups WHERE ${sameGroup(summary, 'present')}`,
        `INSERT INTO ${table} (${columns}) ${computed(summary, 'groups')}`,
        'DROP TABLE groups',
      ]
    }),
  } as const
}

/** Rows that are in a summary and should not be, or the other way round; those of groups that are noted do not count. */
export function differenceQuery(summary: Summary): string {
  const columns = columnsOf(summary).map(identifier).join(', ')
  const present = `SELECT ${columns} FROM ${identifier(summary.name)}`
  const wanted = computed(summary)
  return `SELECT * FROM ((${present} EXCEPT ALL ${wanted}) UNION ALL (${wanted} EXCEPT ALL ${present})) AS found
WHERE NOT EXISTS (SELECT FROM (${touchedGroups(summary, notesTable(summary.from))}) AS groups WHERE ${sameGroup(summary, 'found')})`
}

/** All rows of a summary as its dataset's table has them, with what PostgreSQL would derive. */
export function summaryQuery(summary: Summary): string {
  const derived = Object.entries(summary.derived).map(
    ([column, { sql }]) => `${sql} AS ${identifier(column)}`,
  )
  return `SELECT ${['*', ...derived].join(', ')} FROM (${computed(summary)}) AS computed`
}

const marks = ({ tombstones }: Dataset): boolean => tombstones === 'mark'

const ownColumns = ({ period, by }: Summary): readonly string[] => [...periodColumn(period), ...by]
/** What tells groups apart. */
export const groupColumns = (summary: Summary): readonly string[] => [
  ...ownColumns(summary),
  ...Object.keys(summary.joined),
]

/** All columns but those that PostgreSQL derives. */
const columnsOf = (summary: Summary): readonly string[] => [
  ...groupColumns(summary),
  ...Object.keys(summary.measures),
  ...Object.keys(summary.rows?.columns ?? {}),
]

/** The rows of a summary, of all groups or of those in a table. */
function computed(summary: Summary, groups?: string): string {
  const { from, joined, measures, rows } = summary
  const lookUps = Object.entries(joined).map(([column, { dataset, through }]) => {
    const other = identifier(`${column} of`)
    const isThere = marks(dataset) ? ` AND NOT ${other}."_deleted"` : ''
    return `LEFT JOIN ${identifier(dataset.table)} AS ${other} ON ${other}.${identifier(dataset.key[0]!)} = present.${identifier(through)}${isThere}`
  })
  const source = [
    ...ownColumns(summary).map((column) => `${expression(summary, column)} AS ${identifier(column)}`),
    ...Object.entries(joined).map(
      ([column, { field }]) => `${identifier(`${column} of`)}.${identifier(field)} AS ${identifier(column)}`,
    ),
    ...Object.keys(from.fields)
      .filter((field) => !groupColumns(summary).includes(field))
      .map((field) => `present.${identifier(field)}`),
  ]
  const selected = `(SELECT ${source.join(', ')} FROM ${identifier(from.table)} AS present${groups ? ` JOIN ${groups} AS groups ON ${rowsOfGroup(summary)}` : ''}${lookUps.map((join) => ` ${join}`).join('')}${marks(from) ? ' WHERE NOT present."_deleted"' : ''}) AS source`
  if (rows)
    return `SELECT ${columnsOf(summary).map(identifier).join(', ')} FROM (${rows.sql(selected)}) AS made`
  const group = groupColumns(summary).map(identifier).join(', ')
  const made = Object.entries(measures).map(([column, { sql }]) => `${sql} AS ${identifier(column)}`)
  return `SELECT ${[group, ...made].join(', ')} FROM ${selected} GROUP BY ${group}`
}

/** The groups that notes speak of. */
function touchedGroups(summary: Summary, notes: string): string {
  const own = (rows: string): string =>
    `SELECT DISTINCT ${ownColumns(summary)
      .map((column) => `${expression(summary, column)} AS ${identifier(column)}`)
      .join(', ')} FROM ${rows} AS present`
  const table = identifier(summary.from.table)
  return [
    `${own(notes)} WHERE "_through" IS NULL`,
    ...references([summary]).map(
      ({ through }) =>
        `${own(table)} WHERE ${identifier(through)} IN (SELECT ${identifier(through)} FROM ${notes} WHERE "_through" = ${literal(through)})`,
    ),
  ].join(' UNION ')
}

/** A column of the group, of a row called `present` that has the dataset's fields. */
function expression({ period, from }: Summary, column: string): string {
  const [field] = periodColumn(period).includes(column) ? periodField(period) : []
  if (field === undefined) return `present.${identifier(column)}`
  const at = `present.${identifier(field)}`
  const inUtc = from.fields[field]!.kind.name === 'timestamp' ? `${at} AT TIME ZONE 'UTC'` : at
  return column === 'day' ? `(${inUtc})::date` : `date_trunc('month', ${inUtc})::date`
}

/** Whether a dataset's row is of a group, said so that an index on the fields can find it. */
function rowsOfGroup(summary: Summary): string {
  const { period, by, from } = summary
  const [field] = periodField(period)
  const [unit] = periodColumn(period)
  const bound = (date: string): string =>
    field !== undefined && from.fields[field]!.kind.name === 'timestamp'
      ? `(${date})::timestamp AT TIME ZONE 'UTC'`
      : date
  return [
    ...by.map((name) => equal(summary, name, 'present')),
    ...(field === undefined
      ? []
      : [
          `present.${identifier(field)} >= ${bound(`groups.${identifier(unit!)}`)}`,
          `present.${identifier(field)} < ${bound(`groups.${identifier(unit!)} + interval '1 ${unit}'`)}`,
        ]),
  ].join(' AND ')
}

const sameGroup = (summary: Summary, row: string): string =>
  ownColumns(summary)
    .map((column) => equal(summary, column, row))
    .join(' AND ')

function equal({ from, by }: Summary, column: string, row: string): string {
  const sign = by.includes(column) && from.fields[column]!.optional ? 'IS NOT DISTINCT FROM' : '='
  return `${row}.${identifier(column)} ${sign} groups.${identifier(column)}`
}

function createTable(summary: Summary): string {
  const { name, description, from, period, by, joined, measures, derived, rows, views } = summary
  const type = (dataset: Dataset, field: string): string => dataset.fields[field]!.kind.postgresType
  const columns: readonly (readonly [name: string, type: string, comment: string])[] = [
    ...periodColumn(period).map((unit) => [unit, 'date NOT NULL', `${said[unit]!} in UTC.`] as const),
    ...by.map((field) => {
      const { optional, description } = from.fields[field]!
      return [field, `${type(from, field)}${optional ? '' : ' NOT NULL'}`, description] as const
    }),
    ...Object.entries(joined).map(
      ([column, { dataset, field }]) =>
        [column, type(dataset, field), dataset.fields[field]!.description] as const,
    ),
    ...Object.entries(measures).map(
      ([column, { type, description }]) => [column, `${type} NOT NULL`, description] as const,
    ),
    ...Object.entries(rows?.columns ?? {}).map(
      ([column, { type, description }]) => [column, type, description] as const,
    ),
    ...Object.entries(derived).map(
      ([column, { sql, description }]) =>
        [column, `numeric GENERATED ALWAYS AS (${sql}) STORED`, description] as const,
    ),
  ]
  const table = identifier(name)
  const key = `(${groupColumns(summary).map(identifier).join(', ')})`
  const comment = `${description} A summary of ${from.table}, kept by gold/summarize: whoever writes to it is overwritten.`
  return [
    `DROP TABLE IF EXISTS ${table} CASCADE;`,
    `CREATE TABLE ${table} (\n  ${[
      ...columns.map(([column, type]) => `${identifier(column)} ${type}`),
      ...(rows ? [] : [`UNIQUE NULLS NOT DISTINCT ${key}`]),
    ].join(',\n  ')}\n);`,
    ...(rows ? [`CREATE INDEX ON ${table} ${key};`] : []),
    `COMMENT ON TABLE ${table} IS ${literal(comment)};`,
    ...columns.map(
      ([column, , comment]) => `COMMENT ON COLUMN ${table}.${identifier(column)} IS ${literal(comment)};`,
    ),
    ...Object.entries(views).map(
      ([view, { description, sql }]) =>
        `CREATE VIEW ${identifier(view)} AS\n${sql};\nCOMMENT ON VIEW ${identifier(view)} IS ${literal(description)};`,
    ),
  ].join('\n')
}

const said: Readonly<Record<string, string>> = { day: 'The day', month: 'The first day of the month' }

/** The fields that a note keeps of a row. */
const noted = (summaries: readonly Summary[]): readonly string[] => [
  ...new Set(
    summaries.flatMap((summary) => [
      ...summary.by,
      ...periodField(summary.period),
      ...references([summary]).map(({ through }) => through),
    ]),
  ),
]

type Reference = {
  readonly dataset: Dataset
  readonly through: string // our field, which holds its key
  readonly fields: readonly string[] // of the other dataset, that we look at
}

function references(summaries: readonly Summary[]): readonly Reference[] {
  const joins = summaries.flatMap(({ joined }) => Object.values(joined))
  return [...grouped(joins, ({ through }) => through)].map(([through, all]) => ({
    dataset: all[0]!.dataset,
    through,
    fields: [...new Set(all.map(({ field }) => field)), ...(marks(all[0]!.dataset) ? ['_deleted'] : [])],
  }))
}

const note = (from: Dataset, summaries: readonly Summary[], rows: string): string => {
  const fields = noted(summaries).map(identifier).join(', ')
  return `INSERT INTO ${notesTable(from)} (${fields}) SELECT ${fields} FROM ${rows}`
}

/** One function for all tables that the summaries look at; which rows changed, a statement's transition tables say. */
function createTriggers(from: Dataset, summaries: readonly Summary[]): string {
  const name = identifier(`note_${from.table}`)
  const cases = [
    ...changes(from.table, '*', 'UNION ALL').map(([when, rows]) => [when, note(from, summaries, rows)]),
    ...references(summaries).flatMap(({ dataset, through, fields }) => {
      const key = identifier(dataset.key[0]!)
      const looked = [key, ...fields.map(identifier)].join(', ')
      return changes(dataset.table, looked, 'EXCEPT').map(([when, rows]) => [
        when,
        `INSERT INTO ${notesTable(from)} (${identifier(through)}, "_through") SELECT ${key}, ${literal(through)} FROM ${rows}`,
      ])
    }),
  ]
  const tables = new Set([from, ...references(summaries).map(({ dataset }) => dataset)])
  return [
    `DROP FUNCTION IF EXISTS ${name} CASCADE;`,
    `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  CASE TG_TABLE_NAME || ' ' || TG_OP
${cases.map(([when, statement]) => `  WHEN ${literal(when!)} THEN ${statement};`).join('\n')}
  END CASE;
  RETURN NULL;
END $$;`,
    ...[...tables].flatMap(({ table }) =>
      [
        'AFTER INSERT ON % REFERENCING NEW TABLE AS after',
        'AFTER UPDATE ON % REFERENCING OLD TABLE AS before NEW TABLE AS after',
        'AFTER DELETE ON % REFERENCING OLD TABLE AS before',
        'BEFORE TRUNCATE ON %',
      ].map((event) => {
        const trigger = identifier(`note_${from.table}_${event.split(' ')[1]!.toLowerCase()}`)
        return `CREATE TRIGGER ${trigger} ${event.replace('%', identifier(table))} FOR EACH STATEMENT EXECUTE FUNCTION ${name}();`
      }),
    ),
  ].join('\n')
}

/** The rows that a statement changed, by table and operation, old and new. `EXCEPT`: only those whose columns differ. */
function changes(
  table: string,
  columns: string,
  how: 'UNION ALL' | 'EXCEPT',
): readonly (readonly [when: string, rows: string])[] {
  const of = (one: string, other: string): string =>
    `(SELECT ${columns} FROM ${one} ${how} SELECT ${columns} FROM ${other})`
  const both =
    how === 'EXCEPT' ? `(${of('before', 'after')} UNION ALL ${of('after', 'before')})` : of('before', 'after')
  return [
    [`${table} INSERT`, 'after'],
    [`${table} UPDATE`, `${both} AS changed`],
    [`${table} DELETE`, 'before'],
    [`${table} TRUNCATE`, identifier(table)],
  ]
}

function grouped<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item])
  return groups
}
