import { expect, it } from 'vitest'
import { lastErrors } from '#operations/cli/look-back/log-errors.ts'

const log = [
  '2026-11-21T13:00:00.000Z [detectFraud] ALERT x 1.00 EUR in Error, XX: failed',
  '[load] silver/s/x.parquet is not loaded: not a Parquet file. Take it away',
  '2026-11-21T13:00:01.000Z warning: PostgreSQL (process 12) ended by itself and is started again',
  '2026-11-21T13:00:02.000Z warning: PostgreSQL (process 34) ended by itself and is started again',
  '2026-11-21T13:00:03.000Z warning: PostgreSQL runs again (process 34)',
  '2026-11-21T13:00:04.000Z [refine] Invoke Error\t{"errorType":"Error"}',
  '2026-11-21T13:00:04.001Z     at handler (file:1:1)',
  '2026-11-21T13:00:05.000Z S3          http://127.0.0.1:29000',
].join('\n')

it('gives what went wrong with its time, repetitions once, with and without times in the log', () => {
  expect(lastErrors(log, 10)).toEqual([
    {
      atMs: null,
      line: '[load] silver/s/x.parquet is not loaded: not a Parquet file. Take it away',
      times: 1,
    },
    {
      atMs: Date.parse('2026-11-21T13:00:02Z'),
      line: 'warning: PostgreSQL (process 34) ended by itself and is started again',
      times: 2,
    },
    {
      atMs: Date.parse('2026-11-21T13:00:04Z'),
      line: '[refine] Invoke Error\t{"errorType":"Error"}',
      times: 1,
    },
  ])
  expect(lastErrors(log, 1).map(({ line }) => line)).toEqual([expect.stringContaining('Invoke Error')])
  expect(lastErrors('', 3)).toEqual([])
})
