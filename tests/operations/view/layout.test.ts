import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { layout, logLine, rowsTaken } from '#operations/cli/view/layout.ts'
import { emptyModel, type Model, type Stage } from '#operations/cli/view/model.ts'
import { paintNothing, span } from '#operations/cli/view/text.ts'

const stage = (total: number, change: Partial<Stage> = {}): Stage => ({
  total,
  lag: 3,
  quarantined: undefined,
  duplicates: undefined,
  failed: 0,
  points: [
    { atMs: 0, total: 0 },
    { atMs: 10_000, total: 1_234 },
  ],
  latenciesMs: [10, 20, 1_250],
  ...change,
})
const busy: Model = {
  ...emptyModel,
  measured: true,
  stages: {
    bronze: stage(1_234_567),
    silver: stage(1_234_560, { quarantined: 12_345, duplicates: 23_456 }),
    gold: stage(1_234_500),
    fraud: stage(1_000_000, { duplicates: 789 }),
  },
  goldLatenciesMs: [900, 2_100],
  frauds: 15_432,
  memory: { processes: 20, rssBytes: 1.2e9, pssBytes: 8.1e8 },
  progress: { phase: 'generating', sent: 12_400, of: 20_000, rate: undefined, counted: 'transactions' },
  sentPoints: [
    { atMs: 0, total: 0 },
    { atMs: 10_000, total: 5_000 },
  ],
}
const shown = (model: Model, columns: number, rows = 40): string[] =>
  layout(model, { columns, rows }).map(paintNothing)

describe('the picture', () => {
  it.each([20, 40, 60, 80, 120, 200])('fits %i columns without a broken line', (columns) => {
    for (const rows of [1, 3, 5, 6, 8, 10, 23, 60]) {
      const lines = shown(busy, columns, rows)
      expect(lines.length).toBeLessThanOrEqual(rows)
      for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns)
    }
  })

  it('shows everything in 120 columns', () => {
    expect(shown(busy, 120).slice(1, 8)).toEqual([
      '        records/s      total     lag  quarantined  duplicates  failed      p50      p99',
      'bronze        123  1,234,567       3            –           –       0    20 ms   1.25 s',
      'silver        123  1,234,560       3       12,345      23,456       0    20 ms   1.25 s',
      'gold          123  1,234,500       3            –           –       0    20 ms   1.25 s',
      'fraud         123  1,000,000       3            –         789       0    20 ms   1.25 s',
      'Generating █████████████████████████░░░░░░░░░░░░░░░  62 %  12,400 of 20,000 transactions, 500/s, ETA 0:15',
      'Kafka to gold p50 900 ms, p99 2.10 s · frauds 15,432 · memory 810 MB (RSS 1,200 MB)',
    ])
  })

  it('leaves out columns by importance, and keeps what is alarming', () => {
    expect(shown(busy, 60)[1]).toBe('        records/s      total     lag  quarantined      p99')
    expect(shown(busy, 40)[1]).toBe('        records/s      total     lag')
    const failing = { ...busy, stages: { ...busy.stages, silver: stage(5, { failed: 2 }) } }
    expect(shown(failing, 40)[1]).toBe('        records/s      total  failed')
  })

  it('shrinks with the height: the legend first, the table last', () => {
    expect(shown(busy, 120, 40).join('\n')).toContain('from the first Kafka record')
    expect(shown(busy, 120, 12).join('\n')).not.toContain('from the first')
    expect(shown(busy, 120, 7)[0]).toContain('records/s')
    expect(shown(busy, 120, 6)).toHaveLength(6)
    expect(shown(busy, 120, 2)[0]).toContain('Generating')
  })

  it('is nothing before there is something to show', () => {
    expect(shown(emptyModel, 80)).toEqual([])
  })
})

describe('the line for a log', () => {
  it('says how things stand', () => {
    expect(logLine(busy)).toBe(
      'generating 62 %, ETA 0:15 · bronze 1,234,567 at 123/s (lag 3) · silver 1,234,560 at 123/s (lag 3) · ' +
        'gold 1,234,500 at 123/s (lag 3) · fraud 1,000,000 at 123/s (lag 3) · 12,345 quarantined · 15,432 frauds · ' +
        'Kafka to gold p99 2.10 s · 810 MB',
    )
  })
})

describe('rowsTaken', () => {
  it('counts what a narrower terminal has broken', () => {
    const lines = [[span('x'.repeat(120))], [span('')], [span('本'.repeat(30))]]
    expect(rowsTaken(lines, 120)).toBe(3)
    expect(rowsTaken(lines, 60)).toBe(4)
    expect(rowsTaken(lines, 50)).toBe(6)
  })
})
