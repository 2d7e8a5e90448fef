import { parseRecord } from '@cupel/core/record'
import { expect, it } from 'vitest'
import { transactions } from '#datasets/finance/transactions.ts'
import { users } from '#datasets/finance/users.ts'
import { datasetByBronzeFolder, datasetBySilverFolder, datasetByTopic, datasets } from '#datasets/index.ts'
import { pipelines } from '#datasets/pipelines.ts'

it('gives each topic, folder and table to one dataset', () => {
  for (const property of ['name', 'topic', 'bronzeFolder', 'silverFolder', 'table'] as const) {
    const values = datasets.flatMap((dataset) => dataset[property] ?? []) // files have no topic
    expect(new Set(values).size, property).toBe(values.length)
  }
})

it('counts each dataset to one pipeline', () => {
  expect(pipelines.flatMap((pipeline) => pipeline.datasets)).toEqual(datasets)
})

it('finds a dataset by its topic and its folders', () => {
  for (const dataset of datasets) {
    if (dataset.topic !== undefined) expect(datasetByTopic(dataset.topic)).toBe(dataset)
    expect(datasetByBronzeFolder(dataset.bronzeFolder)).toBe(dataset)
    expect(datasetBySilverFolder(dataset.silverFolder)).toBe(dataset)
  }
  expect(datasetByTopic('unheard-of')).toBeUndefined()
})

it('describes every dataset and every field', () => {
  for (const { name, description, fields } of datasets)
    for (const [field, { description: of }] of [['', { description }], ...Object.entries(fields)] as const)
      expect(of.length, `${name}.${field}`).toBeGreaterThan(5)
})

it('masks whom a profile is about', () => {
  const personal = Object.entries(users.fields).filter(([, field]) => field.personal)
  expect(personal.map(([name]) => name)).toEqual(['full_name', 'email', 'phone', 'birth_date', 'address'])
  const text = JSON.stringify({
    full_name: 5,
    email: 'jane@home',
    phone: 'Jane 5',
    birth_date: '1.1',
    address: {},
  })
  const parsed = parseRecord(users, { format: 'json', text })
  const shown = parsed.ok ? [] : parsed.reasons.filter(({ reason }) => reason !== 'missing')
  expect(shown.map(({ field, value }) => [field, value])).toEqual([
    ['full_name', '***(1 characters)'],
    ['email', '***(9 characters)'],
    ['phone', '***(6 characters)'],
    ['birth_date', '***(3 characters)'],
    ['address', '***(3 characters)'],
  ])
})

it('takes a transaction as it comes, in the spellings of several sources', () => {
  const id = (digit: number) => `${String(digit).repeat(8)}-0000-4000-8000-000000000000`
  const transaction = {
    transaction_id: id(1),
    account_id: id(2),
    user_id: id(3),
    merchant_id: id(4),
    amount: '€ 1.234,50',
    currency: '€',
    country: 'Deutschland',
    city: 'Berlin',
    latitude: 52.52,
    longitude: '13.405',
    channel: 'POS',
    event_time: 1_767_323_045,
  }
  expect(parseRecord(transactions, { format: 'json', text: JSON.stringify(transaction) })).toEqual({
    ok: true,
    row: {
      ...transaction,
      amount: '1234.5000',
      currency: 'EUR',
      country: 'DE',
      latitude: '52.520000',
      longitude: '13.405000',
      channel: 'pos',
      device: null,
      event_time: '2026-01-02T03:04:05.000Z',
    },
  })
})
