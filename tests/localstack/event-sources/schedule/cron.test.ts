import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { readCron } from '#localstack/event-sources/schedule/cron.ts'

/** The next times after the beginning of 2026, a Thursday; without seconds. */
function nextOf(expression: string, count: number, after = '2026-01-01T00:00:30Z'): string[] {
  const cron = readCron(expression)
  const found: string[] = []
  for (let at = cron.next(new Date(after)); at && found.length < count; at = cron.next(at))
    found.push(at.toISOString().replace(':00.000Z', ''))
  return found
}

describe('cron expressions', () => {
  it.each([
    ['74. cron(0 8 ? * 2 *)', ['2026-01-05T08:00', '2026-01-12T08:00']], // 2 is Monday
    ['74. cron(0 10 * * ? *)', ['2026-01-01T10:00', '2026-01-02T10:00']],
    ['74. cron(15 12 * * ? *)', ['2026-01-01T12:15', '2026-01-02T12:15']],
    ['74. cron(0 18 ? * MON-FRI *)', ['2026-01-01T18:00', '2026-01-02T18:00', '2026-01-05T18:00']],
    ['74. cron(0 8 1 * ? *)', ['2026-01-01T08:00', '2026-02-01T08:00']],
    [
      '74. cron(0/15 * * * ? *)',
      ['2026-01-01T00:15', '2026-01-01T00:30', '2026-01-01T00:45', '2026-01-01T01:00'],
    ],
    ['74. cron(0/5 8-9 ? * MON-FRI *)', ['2026-01-01T08:00', '2026-01-01T08:05']],
    ['74. cron(0 9 ? * 2#1 *)', ['2026-01-05T09:00', '2026-02-02T09:00']], // the first Monday
    ['74. cron(0 9 ? * FRI#5 *)', ['2026-01-30T09:00', '2026-05-29T09:00']], // not every month has a fifth
    ['74. cron(0 9 ? * 6L *)', ['2026-01-30T09:00', '2026-02-27T09:00']], // the last Friday
    ['74. cron(0 9 ? * L *)', ['2026-01-03T09:00', '2026-01-10T09:00']], // the last day of the week
    ['74. cron(0 0 L * ? *)', ['2026-01-31T00:00', '2026-02-28T00:00', '2026-03-31T00:00']],
    ['74. cron(0 9 3W * ? *)', ['2026-01-02T09:00', '2026-02-03T09:00']], // the 3rd of January is a Saturday
    ['74. cron(0 9 1W 2,8 ? *)', ['2026-02-02T09:00', '2026-08-03T09:00']], // a Sunday and a Saturday: never the month before
    ['74. cron(0 9 31W 1-5 ? *)', ['2026-01-30T09:00', '2026-03-31T09:00', '2026-05-29T09:00']], // Saturday, Tuesday, Sunday
    ['74. cron(0 9 1,15,L * ? *)', ['2026-01-01T09:00', '2026-01-15T09:00', '2026-01-31T09:00']],
    ['74. cron(0 0 29 FEB ? *)', ['2028-02-29T00:00', '2032-02-29T00:00']],
    ['74. cron(59 23 31 dec ? 2026/2)', ['2026-12-31T23:59', '2028-12-31T23:59']],
    ['74. cron(10,20-22 5/9 ? 3 sat,1 2027)', ['2027-03-06T05:10', '2027-03-06T05:20', '2027-03-06T05:21']],
  ])('%s', (name, expected) => {
    expect(nextOf(name.slice(4), expected.length)).toEqual(expected)
  })

  it('74. is never due again after its last year, nor on a day that does not exist', () => {
    expect(nextOf('cron(0 0 1 1 ? 2025)', 1)).toEqual([])
    expect(nextOf('cron(0 0 30 2 ? *)', 1)).toEqual([])
    expect(nextOf('cron(0 0 1 1 ? *)', 1, '2199-01-01T00:00:00Z')).toEqual([])
  })

  it.each(['America/New_York', 'Asia/Kolkata'])('74. goes by UTC on a machine in %s', (TZ) => {
    const resolveDir = fileURLToPath(
      new URL('../../../../localstack/event-sources/schedule', import.meta.url),
    )
    const contents = `import { readCron } from './cron.ts'
      const due = readCron('cron(0 8 ? * 2 *)').next(new Date(Date.UTC(2026, 2, 7)))
      console.log(due.toISOString(), new Date().getTimezoneOffset() !== 0)`
    const { outputFiles } = buildSync({
      stdin: { contents, resolveDir },
      bundle: true,
      format: 'esm',
      write: false,
    })
    const input = outputFiles[0]!.text
    const said = execFileSync(process.execPath, ['--input-type=module'], {
      input,
      env: { ...process.env, TZ },
    })
    expect(String(said).trim()).toBe('2026-03-09T08:00:00.000Z true')
  })

  it.each([
    ['cron(0 8 * * 2 *)', 'has to be ?, and only one'],
    ['cron(0 8 ? * ? *)', 'has to be ?, and only one'],
    ['cron(0 8 * * ?)', 'it needs six fields'],
    ['cron(0 8 * * ? * *)', 'it needs six fields'],
    ['cron()', 'it needs six fields'],
    ['cron(60 8 * * ? *)', 'minutes has 60, and 60 is not in 0 to 59'],
    ['cron(0 24 * * ? *)', 'hours has 24'],
    ['cron(0 8 0 * ? *)', 'day-of-month has 0'],
    ['cron(0 8 ? * 0 *)', 'day-of-week has 0, and 0 is not in 1 to 7'],
    ['cron(0 8 ? * 2/2 *)', 'day-of-week has 2/2, which is no step'],
    ['cron(0 8 ? * 2#1,6#3 *)', 'with #, day-of-week takes one entry'],
    ['cron(0 8 ? * 2#6 *)', 'day-of-week has 2#6'],
    ['cron(0 8 ? * FRI-MON *)', 'a range that ends before it begins'],
    ['cron(0 8 LW * ? *)', 'day-of-month has LW'],
    ['cron(0 8 L-3 * ? *)', 'day-of-month has L-3'],
    ['cron(0/0 8 * * ? *)', 'minutes has 0/0, which is no step'],
    ['cron(0 8 1-2-3 * ? *)', 'which is no range'],
    ['cron(1, 8 * * ? *)', 'and nothing is not in 0 to 59'],
    ['cron(0 8 * JANUARY ? *)', 'month has JANUARY'],
    ['cron(0 8 * * ? 2200)', 'year has 2200'],
  ])('%s is refused: %s', (expression, why) => {
    expect(() => readCron(expression)).toThrow(why)
  })
})
