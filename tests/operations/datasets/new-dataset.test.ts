import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '@cupel/core/dataset'
import { parseRecord } from '@cupel/core/record'
import { load } from 'js-yaml'
import { describe, expect, it, onTestFinished } from 'vitest'
import { datasetFile } from '#operations/datasets/dataset-file.ts'
import { guessDataset, type SampleRecord } from '#operations/datasets/guess.ts'
import { wire } from '#operations/datasets/wiring.ts'
import { root } from '../../support/cupel.ts'

const sample = (count = 60): readonly SampleRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    reading_id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    'Station Nr.': `0${100 + (n % 7)}`,
    country: ['DE', 'Deutschland', 'fr'][n % 3],
    quality: ['good', 'poor'][n % 2],
    temperature: n === 5 ? 'n/a' : `${n / 4 - 3}`,
    count: n,
    price: `€ ${n},50`,
    day: `2026-01-${String(1 + (n % 28)).padStart(2, '0')}`,
    measured_at: `2026-01-02T03:04:${String(n).padStart(2, '0')}Z`,
    phone: n % 2 ? '+49 30 1234567' : '',
    note: n === 0 ? 'it\'s "one",\nand all' : undefined,
    serial: `12345678901234567${n}`,
    nothing: '',
  }))

/** The dataset that a generated file defines. */
async function datasetIn(source: string): Promise<Dataset> {
  await mkdir(join(root, '.build'), { recursive: true })
  const directory = await mkdtemp(join(root, '.build/new-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const file = join(directory, 'readings.ts')
  await writeFile(file, source)
  return (await import(file)).readings
}

describe('a dataset from a sample', () => {
  const guess = guessDataset(sample())
  const kinds = Object.fromEntries(guess.fields.map(({ name, kind }) => [name, kind]))

  it('has the kinds that take the values', () => {
    expect(kinds).toEqual({
      ...{
        reading_id: 'uuid',
        station_nr: 'text',
        country: 'country',
        quality: 'oneOf',
        temperature: 'decimal',
      },
      ...{
        count: 'integer',
        price: 'money',
        day: 'date',
        measured_at: 'timestamp',
        phone: 'phone',
        note: 'text',
      },
      ...{ serial: 'text', nothing: 'text' },
    })
    expect(guess.fields.filter(({ isOptional }) => isOptional).map(({ name }) => name)).toEqual([
      'phone',
      'note',
      'nothing',
    ])
    expect(guess.key.fields).toEqual(['reading_id'])
    expect(guess.orderBy.field).toBe('measured_at')
  })

  it('marks what the sample cannot say for certain', () => {
    const doubts = Object.fromEntries(guess.fields.map(({ name, doubts }) => [name, doubts.join('; ')]))
    expect(doubts).toMatchObject({
      reading_id: '',
      station_nr: expect.stringMatching(/called "Station Nr\." in the records; numbers that start with 0/),
      quality: 'are there others than in the sample?',
      temperature: '1 of 60 values are none: "n/a"',
      serial: expect.stringContaining('more than 15 digits'),
      nothing: 'it is empty in the whole sample',
    })
  })

  it('takes every record of the sample but those that are doubts', async () => {
    const plain = sample().map(({ 'Station Nr.': station, ...record }) => ({
      station_nr: station,
      ...record,
    }))
    const source = datasetFile({ name: 'readings', sample: 'readings.csv', guess: guessDataset(plain) })
    const readings = await datasetIn(source)
    const refused = plain.filter(
      (record) => !parseRecord(readings, { format: 'json', text: JSON.stringify(record) }).ok,
    )
    expect(refused).toEqual([plain[5]])
    expect(source.match(/DOUBT/g)!.length).toBeGreaterThan(5)
  })

  it('is ordered by its place in the file where nothing says when, and keyed by what there is', async () => {
    const guess = guessDataset([
      { a: 'x', b: 'y' },
      { a: 'x', b: 'z' },
    ])
    expect(guess.key).toEqual({ fields: ['b'] })
    expect((await datasetIn(datasetFile({ name: 'readings', sample: 's.csv', guess }))).orderBy).toBe('row')
    const at = '2026-01-02T03:04:05Z'
    const alike = guessDataset([
      { level: '1.5', a: 'x', at },
      { level: '2.5', a: 'x', at },
    ])
    expect(alike.key).toEqual({ fields: ['a', 'at'], doubt: expect.stringMatching(/^1 of 2 records/) })
  })
})

it('a new dataset is named where all are: registry, pipelines, event, failure destination, topic', () => {
  const texts = wire('sea_levels', (path) => readFileSync(join(root, path), 'utf8'))
  expect(texts.get('datasets/index.ts')).toMatch(
    /^import \{ seaLevels \} from '\.\/sea_levels\/sea_levels\.ts'$/m,
  )
  expect(texts.get('datasets/index.ts')).toMatch(/Dataset\[\] = [^[]*\[[^\]]*, seaLevels\]/)
  expect(texts.get('datasets/pipelines.ts')).toMatch(/Pipeline\[\]\] = \[[^\]]*, seaLevelsPipeline\]/)
  // biome-ignore lint/suspicious/noExplicitAny: YAML of a form of its own
  const template = load(texts.get('serverless.yml')!.replace(/!(Ref|Sub|GetAtt) /g, '')) as any
  const topics = template.functions.ingestStream.events.map(
    ({ msk }: { msk: { topic: string } }) => msk.topic,
  )
  expect(topics.at(-1)).toBe('sea_levels')
  expect(template.resources.extensions.IngestStreamEventSourceMappingMSKKafkaClusterSealevels).toEqual(
    template.resources.extensions.IngestStreamEventSourceMappingMSKKafkaClusterTransactions,
  )
  expect(template.custom.localstack.topics.sea_levels).toEqual({ partitions: 1 })
})
