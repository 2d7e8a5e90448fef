import { datasets } from '#datasets/index.ts'
import { pipelines } from '#datasets/pipelines.ts'
import { Failure } from '../failure.ts'
import { formatChecks, runChecks } from './data-tests.ts'
import { withServices } from './services.ts'

/** Check what datasets' files say must hold of their tables. Exit code 1 when something does not. */
export async function runDataTests(
  root: string,
  name: string | undefined,
  { json }: { json?: boolean },
): Promise<number> {
  const named =
    name === undefined
      ? datasets
      : (pipelines.find((pipeline) => pipeline.name === name)?.datasets ??
        datasets.filter((dataset) => dataset.name === name))
  const checked = named.filter(({ checks }) => checks.length > 0)
  if (checked.length === 0) {
    const known = datasets.filter(({ checks }) => checks.length > 0).map((dataset) => dataset.name)
    throw new Failure(
      `${name === undefined ? 'no dataset' : `nothing named ${name}`} has checks; there are ${known.join(', ')}`,
      2,
    )
  }
  return withServices(
    root,
    async ({ ports }) => {
      const tests = await runChecks(ports.warehouse, checked, Date.now())
      console.log(json ? JSON.stringify(tests, null, 2) : formatChecks(tests))
      return tests.every(({ holds }) => holds) ? 0 : 1
    },
    ['postgres'],
  )
}
