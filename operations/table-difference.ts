import { identifier } from '@cupel/core/kinds/strings'

/** A table as PostgreSQL's catalog describes it. */
export type Table = {
  readonly columns: readonly { readonly name: string; readonly type: string; readonly required: boolean }[]
  /** Checks and keys. */
  readonly constraints: readonly {
    readonly name: string
    readonly definition: string
    readonly columns: readonly string[]
  }[]
}

export type TableDifference = {
  readonly additions: readonly string[] // statements that no row which is there can be in the way of
  readonly obstacles: readonly Obstacle[]
}

/** What else differs, with the statement that a person has to decide on. */
export type Obstacle = { readonly why: string; readonly statement: string }

/** What makes the table that is there the wanted one. Pure; the order of columns is of no account. */
export function compareTables(table: string, present: Table, wanted: Table): TableDifference {
  const alter = (change: string) => `ALTER TABLE IF EXISTS ${identifier(table)} ${change}`
  const additions: string[] = []
  const obstacles: Obstacle[] = []
  const decide = (why: string, statement: string) => obstacles.push({ why, statement })
  const columnsThere = new Map(present.columns.map((column) => [column.name, column]))
  const constraintsThere = new Set(present.constraints.map(({ definition }) => definition))
  const added = new Set<string>()

  for (const { name, type, required } of wanted.columns) {
    const column = identifier(name)
    const there = columnsThere.get(name)
    columnsThere.delete(name)
    if (!there && required) {
      decide(
        `${name} is new and required, and rows that are there have none: make it optional, or say what they get`,
        alter(`ADD COLUMN ${column} ${type} NOT NULL DEFAULT …`),
      )
    } else if (!there) {
      additions.push(alter(`ADD COLUMN IF NOT EXISTS ${column} ${type}`))
      added.add(name)
    } else if (there.type !== type) {
      decide(
        `${name} is ${there.type} and should be ${type}`,
        alter(`ALTER COLUMN ${column} TYPE ${type} USING ${column}::${type}`),
      )
    } else if (there.required && !required) {
      additions.push(alter(`ALTER COLUMN ${column} DROP NOT NULL`))
    } else if (!there.required && required) {
      decide(`${name} may be null and should not`, alter(`ALTER COLUMN ${column} SET NOT NULL`))
    }
  }
  for (const name of columnsThere.keys())
    decide(`${name} is no field any more`, alter(`DROP COLUMN ${identifier(name)}`))

  const definitions = new Set(wanted.constraints.map(({ definition }) => definition))
  for (const { name, definition } of present.constraints) {
    const drop = alter(`DROP CONSTRAINT IF EXISTS ${identifier(name)}`)
    if (definitions.has(definition)) continue
    if (/^(PRIMARY KEY|UNIQUE)/.test(definition)) decide(`its key was ${definition}`, drop)
    else additions.push(drop)
  }
  for (const { definition, columns } of wanted.constraints) {
    const add = alter(`ADD ${definition}`)
    if (constraintsThere.has(definition)) continue
    if (columns.every((column) => added.has(column))) additions.push(add)
    else decide(`rows that are there may not hold ${definition}`, add)
  }
  return { additions, obstacles }
}
