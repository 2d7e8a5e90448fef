import { expect, it } from 'vitest'
import { droppedWindows } from '#localstack/dropped-windows.ts'

const mapping = { functionName: 'shop-dev-ingest', topic: 'orders', windowMs: 500 }
const functions = (window?: number, kind = 'msk') => ({
  ingest: {
    name: 'shop-dev-ingest',
    events: [{ schedule: 'rate(1 hour)' }, { [kind]: { topic: 'orders', maximumBatchingWindow: window } }],
  },
  other: { name: 'shop-dev-other' },
})

it('58. warns of a window of 0, which the framework drops: it is 500 ms', () => {
  for (const kind of ['msk', 'kafka'])
    expect(droppedWindows(functions(0, kind), [mapping])).toEqual([
      'ingest: maximumBatchingWindow 0 of orders is left out by Serverless, and means 500 ms; ' +
        'set MaximumBatchingWindowInSeconds: 0 under resources.extensions',
    ])
})

it('is silent about other windows, and about a 0 that an extension sets', () => {
  expect(droppedWindows(functions(1), [{ ...mapping, windowMs: 1000 }])).toEqual([])
  expect(droppedWindows(functions(), [mapping])).toEqual([])
  expect(droppedWindows(functions(0), [{ ...mapping, windowMs: 0 }])).toEqual([])
})
