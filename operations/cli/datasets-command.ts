import { datasets } from '#datasets/index.ts'
import { writeDerived } from '../datasets/derived.ts'

/** `cupel datasets docs`: writes what is derived from the datasets into the repository. */
export async function runDatasetsDocs(root: string): Promise<number> {
  const changed = await writeDerived(root, datasets)
  for (const file of changed) console.log(`wrote ${file}`)
  if (changed.length === 0) console.log('Nothing has changed')
  return 0
}
