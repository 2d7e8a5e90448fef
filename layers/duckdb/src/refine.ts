import type { Dataset } from '@cupel/core/dataset'
import { spellingsStatements } from '@cupel/core/kinds/strings'
import {
  countStatement,
  quarantineStatement,
  type RefineFiles,
  refinedStatement,
  silverStatement,
  spellingsOf,
} from '@cupel/core/refine-sql'
import type { Engine } from './engine.ts'

/** `records` = `silver` + `quarantined` + `duplicates`. */
export type RefineCounts = {
  readonly records: number
  readonly silver: number
  readonly quarantined: number
  readonly duplicates: number // older records of a key that the same file holds again
}

/**
 * Refine a bronze file: good records, of each key the newest, into a silver file; rejected ones with all their reasons
 * into a quarantine file, which is written only when there are any. The same input gives the same bytes.
 *
 * Throws when a file cannot be read or written, or a line is no bronze line: never because of what a record holds.
 */
export async function refineFile(
  engine: Engine,
  dataset: Dataset,
  files: RefineFiles,
): Promise<RefineCounts> {
  const state = stateOf(engine)
  const refined = state.last.then(() => refine(engine, state.spellings, dataset, files))
  state.last = refined.catch(() => {})
  return refined
}

async function refine(
  engine: Engine,
  spellings: Set<string>,
  dataset: Dataset,
  { input, silver, quarantine }: RefineFiles,
): Promise<RefineCounts> {
  for (const table of spellingsOf(dataset)) {
    if (spellings.has(table.name)) continue
    for (const statement of spellingsStatements(table)) await engine.run(statement)
    spellings.add(table.name)
  }
  await engine.run(refinedStatement(dataset, input))
  try {
    const [counts] = await engine.rows(countStatement)
    const records = Number(counts!.records)
    const quarantined = Number(counts!.quarantined)
    if (quarantined > 0) await engine.run(quarantineStatement(quarantine))
    const kept = await engine.run(silverStatement(dataset, silver))
    return { records, silver: kept, quarantined, duplicates: records - quarantined - kept }
  } finally {
    await engine.run('DROP TABLE refined')
  }
}

/** What an engine holds: which tables of spellings, and the refinement under way, after which the next one starts. */
type State = { readonly spellings: Set<string>; last: Promise<unknown> }

const states = new WeakMap<Engine, State>()

function stateOf(engine: Engine): State {
  const state = states.get(engine) ?? { spellings: new Set(), last: Promise.resolve() }
  states.set(engine, state)
  return state
}
