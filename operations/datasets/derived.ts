import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Dataset } from '@cupel/core/dataset'
import { dbtSources } from './dbt-sources.ts'
import { jsonSchema } from './json-schema.ts'
import { datasetPage } from './page.ts'

/** The files that are derived from the datasets: their text by their path in the repository. */
export const derivedFiles = (datasets: readonly Dataset[]): ReadonlyMap<string, string> =>
  new Map([
    ['warehouse/dbt/models/sources.yml', dbtSources(datasets)],
    ...datasets.flatMap((dataset) => [
      [`docs/datasets/${dataset.name}.md`, datasetPage(dataset)] as const,
      [`docs/datasets/${dataset.name}.schema.json`, jsonSchema(dataset)] as const,
    ]),
  ])

/** Write those that read differently; their paths. */
export async function writeDerived(root: string, datasets: readonly Dataset[]): Promise<readonly string[]> {
  const changed: string[] = []
  for (const [path, text] of derivedFiles(datasets)) {
    const file = join(root, path)
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) continue
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
    changed.push(path)
  }
  return changed
}
