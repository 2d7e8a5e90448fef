import { existsSync, readFileSync } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { datasets } from '#datasets/index.ts'
import { Failure } from '../cli/failure.ts'
import { readRows } from '../cli/stream/rows.ts'
import { datasetFile, pipelineFile } from './dataset-file.ts'
import { guessDataset, type SampleRecord } from './guess.ts'
import { wire } from './wiring.ts'

const mostRecords = 10_000

/**
 * `cupel datasets new`: a dataset as a sample suggests it, with a pipeline that sends the sample, named wherever a dataset
 * is named. Nothing that is there is overwritten.
 */
export async function runDatasetsNew(
  root: string,
  name: string,
  { from }: { readonly from: string },
): Promise<number> {
  const folder = join('datasets', name)
  if (!/^[a-z][a-z0-9_]{0,40}$/.test(name))
    throw new Failure('a name is of a-z, 0-9 and _, a letter first', 2)
  if (
    datasets.some((dataset) => [dataset.name, dataset.table, dataset.topic].includes(name)) ||
    existsSync(join(root, folder))
  )
    throw new Failure(`${name} is there already: choose another name`, 2)
  const sample = basename(from)
  const dataset = { name, sample, guess: guessDataset(await sampleRecords(resolve(from))) }
  const texts = new Map([
    ...wire(name, (path) => readFileSync(join(root, path), 'utf8')),
    [join(folder, `${name}.ts`), datasetFile(dataset)],
    [join(folder, 'pipeline.ts'), pipelineFile(dataset)],
  ])
  await mkdir(join(root, folder, 'data'), { recursive: true })
  await copyFile(from, join(root, folder, 'data', sample))
  for (const [path, text] of texts) await writeFile(join(root, path), text)
  const doubts = datasetFile(dataset).split('DOUBT: ').length - 1
  console.log(`wrote ${[...texts.keys()].join(', ')}

Now answer the ${doubts} doubts in ${folder}/${name}.ts, and
  npx cupel datasets docs
  npx cupel migrations new ${name.replaceAll('_', '-')}
  npm start -- --pipeline ${name}`)
  return 0
}

async function sampleRecords(file: string): Promise<readonly SampleRecord[]> {
  const records: SampleRecord[] = []
  for await (const rows of readRows(file)) {
    for (const { value } of rows) {
      const { row, file, ...record } = JSON.parse(value)
      if (!('problem' in record)) records.push(record)
    }
    if (records.length >= mostRecords) break
  }
  if (records.length === 0) throw new Failure(`${file} has no row that can be read`)
  return records
}
