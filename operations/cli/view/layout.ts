import { showClock, showCount, showDuration, showMegabytes, showRate } from '../numbers.ts'
import {
  type Completion,
  completionOf,
  type Model,
  percentile,
  rateOf,
  type Stage,
  type StageName,
} from './model.ts'
import { cutLine, flow, type Line, padEnd, padStart, span, type Tone, widthOf, wrapText } from './text.ts'

/**
 * The live picture: at most `rows` lines, none wider than `columns`. In a narrow terminal columns of the table are left
 * out, the least important first; in a low one the legend goes first, then the other lines around the table.
 */
export function layout(
  model: Model,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): readonly Line[] {
  if (!model.measured && (model.progress?.phase ?? 'stopped') === 'stopped') return []
  const table = model.measured ? stageTable(model, columns) : []
  const state = flow([...progressItems(model, columns), ...stateItems(model)], columns)
  const legend = wrapText(legendText, columns).map((text): Line => [span(text, 'label')])
  const rule: Line = [span('─'.repeat(columns), 'label')]
  const tries = [
    [rule, ...table, ...state, ...(isOver(model) ? [] : legend)],
    [rule, ...table, ...state],
    [...table, ...state],
    [...state.slice(0, 1), ...table],
  ]
  const fitting = tries.find((lines, index) => lines.length <= (index === 0 ? rows / 2 : rows))
  return (fitting ?? state).slice(0, Math.max(0, rows)).map((line) => cutLine(line, columns))
}

const isOver = ({ progress, measured }: Model): boolean =>
  !measured || progress?.phase === 'stopping' || progress?.phase === 'stopped'

const legendText =
  'total and lag: records that are through the stage, ever, and those before it that are not. p50 and p99: of its last ' +
  '200 invocations, from the first Kafka record (bronze, fraud) or the S3 event (silver, gold) to the end.'

type Column = {
  readonly head: string
  readonly worth: number // the column of the least worth is left out first
  readonly cell: (stage: Stage, name: StageName) => string
  readonly tone?: (stage: Stage) => Tone
}

const none = '–'
const optional = <T>(value: T | undefined, show: (value: T) => string): string =>
  value === undefined ? none : show(value)

const columnsOf = ({ stages }: Model): readonly Column[] => {
  const anyFailed = Object.values(stages).some(({ failed }) => failed > 0)
  return [
    { head: 'stage', worth: 100, cell: (_, name) => name, tone: () => 'strong' },
    { head: 'records/s', worth: 80, cell: ({ points }) => optional(rateOf(points), showRate) },
    { head: 'total', worth: 90, cell: ({ total }) => showCount(total) },
    { head: 'lag', worth: 70, cell: ({ lag }) => showCount(lag) },
    {
      head: 'quarantined',
      worth: 50,
      cell: ({ quarantined }) => optional(quarantined, showCount),
      tone: ({ quarantined }) => (quarantined ? 'warning' : 'plain'),
    },
    { head: 'duplicates', worth: 40, cell: ({ duplicates }) => optional(duplicates, showCount) },
    {
      head: 'failed',
      worth: anyFailed ? 75 : 20,
      cell: ({ failed }) => showCount(failed),
      tone: ({ failed }) => (failed > 0 ? 'alarm' : 'plain'),
    },
    {
      head: 'p50',
      worth: 45,
      cell: ({ latenciesMs }) => optional(percentile(latenciesMs, 0.5), showDuration),
    },
    {
      head: 'p99',
      worth: 60,
      cell: ({ latenciesMs }) => optional(percentile(latenciesMs, 0.99), showDuration),
    },
  ]
}

// So that columns do not jump while numbers grow.
const leastWidth: Readonly<Record<string, number>> = { total: 9, lag: 6, p50: 7, p99: 7 }

function stageTable(model: Model, columns: number): readonly Line[] {
  let shown = columnsOf(model).map((column) => {
    const cells = model.shown.map((name) => column.cell(model.stages[name], name))
    const width = Math.max(
      leastWidth[column.head] ?? 0,
      column.head.length,
      ...cells.map((cell) => cell.length),
    )
    return { ...column, cells, width }
  })
  const widthOfAll = () => shown.reduce((sum, { width }) => sum + width + 2, -2)
  while (shown.length > 1 && widthOfAll() > columns) {
    const least = shown.reduce((a, b) => (b.worth < a.worth ? b : a))
    shown = shown.filter((column) => column !== least)
  }
  const row = (cells: readonly { text: string; tone: Tone }[]): Line =>
    cells.flatMap(({ text, tone }, index) => {
      const { width } = shown[index]!
      return [
        ...(index > 0 ? [span('  ')] : []),
        span(index === 0 ? padEnd(text, width) : padStart(text, width), tone),
      ]
    })
  return [
    row(shown.map(({ head }) => ({ text: head === 'stage' ? '' : head, tone: 'label' }))),
    ...model.shown.map((name, index) =>
      row(
        shown.map(({ cells, tone }) => ({
          text: cells[index]!,
          tone: tone?.(model.stages[name]) ?? 'plain',
        })),
      ),
    ),
  ]
}

function progressItems(model: Model, columns: number): readonly Line[] {
  const { progress, sentPoints } = model
  if (!progress) return []
  const completion = completionOf(model)
  switch (progress.phase) {
    case 'generating': {
      const pace = optional(rateOf(sentPoints), showRate)
      if (completion === undefined)
        return [
          [span('Generating', 'strong'), span(` ${pace}/s until Ctrl-C`)],
          [span(`${showCount(progress.sent)} sent`)],
        ]
      return [bar('Generating', completion, `${progress.counted}, ${pace}/s`, columns)]
    }
    case 'serving':
      return [[span('Waiting', 'strong'), span(' for records that you produce, until Ctrl-C')]]
    case 'settling':
      return [completion ? bar('Settling', completion, 'records', columns) : [span('Settling', 'strong')]]
    case 'reconciling':
      return [[span('Reconciling', 'strong'), span(' the layers, to the record …')]]
    case 'stopping':
      return [[span('Stopping', 'strong'), span(' … (Ctrl-C again ends at once)')]]
    case 'stopped':
      return []
  }
}

/** `Generating ████████░░░░  62 %  12,400 of 20,000 transactions, 500/s, ETA 0:15`, in a line of its own. */
function bar(name: string, { done, of, etaMs }: Completion, what: string, columns: number): Line {
  const share = of === 0 ? 1 : Math.min(1, done / of)
  const percent = `${Math.floor(share * 100)} %`.padStart(5)
  const eta = `, ETA ${optional(etaMs, showClock)}`
  const words = ` ${percent}  ${showCount(done)} of ${showCount(of)} ${what}${eta}`
  const width = Math.max(0, Math.min(40, columns - name.length - 1 - words.length))
  const full = Math.round(share * width)
  return [
    span(`${name} `, 'strong'),
    span('█'.repeat(full), 'good'),
    span('░'.repeat(width - full), 'label'),
    span(words),
  ]
}

function stateItems({ goldLatenciesMs, shown, frauds, tooLarge, memory, measured }: Model): readonly Line[] {
  if (!measured) return []
  const [p50, p99] = [percentile(goldLatenciesMs, 0.5), percentile(goldLatenciesMs, 0.99)]
  return [
    [
      span('Kafka to gold ', 'label'),
      span(`p50 ${optional(p50, showDuration)}, p99 ${optional(p99, showDuration)}`),
    ],
    ...(shown.includes('fraud')
      ? [[span('frauds ', 'label'), span(showCount(frauds), frauds > 0 ? 'alarm' : 'plain')]]
      : []),
    ...(tooLarge > 0
      ? [[span('too large for an event ', 'label'), span(showCount(tooLarge), 'warning')]]
      : []),
    ...(memory
      ? [
          [
            span('memory ', 'label'),
            span(
              memory.pssBytes === undefined
                ? showMegabytes(memory.rssBytes)
                : `${showMegabytes(memory.pssBytes)} (RSS ${showMegabytes(memory.rssBytes)})`,
            ),
          ],
        ]
      : []),
  ]
}

/** The picture in one line, for a log. */
export function logLine(model: Model): string {
  const { stages, shown, progress, frauds, goldLatenciesMs, memory } = model
  const completion = completionOf(model)
  const stage = (name: StageName): string => {
    const { total, lag, points } = stages[name]
    const rate = rateOf(points)
    const pace = rate === undefined ? '' : ` at ${showRate(rate)}/s`
    return `${name} ${showCount(total)}${pace}${lag > 0 ? ` (lag ${showCount(lag)})` : ''}`
  }
  const failed = shown.filter((name) => stages[name].failed > 0)
  return [
    ...(completion && progress
      ? [
          `${progress.phase} ${Math.floor((100 * completion.done) / Math.max(1, completion.of))} %, ` +
            `ETA ${optional(completion.etaMs, showClock)}`,
        ]
      : []),
    ...shown.map(stage),
    `${showCount(stages.silver.quarantined ?? 0)} quarantined`,
    ...(shown.includes('fraud') ? [`${showCount(frauds)} frauds`] : []),
    ...failed.map((name) => `${showCount(stages[name].failed)} invocations of ${name} failed`),
    `Kafka to gold p99 ${optional(percentile(goldLatenciesMs, 0.99), showDuration)}`,
    ...(memory ? [showMegabytes(memory.pssBytes ?? memory.rssBytes)] : []),
  ].join(' · ')
}

/** What `lines` take of a terminal of this width, whatever the width for which they were laid out. */
export const rowsTaken = (lines: readonly Line[], columns: number): number =>
  lines.reduce((rows, line) => rows + Math.max(1, Math.ceil(widthOf(line) / Math.max(1, columns))), 0)
