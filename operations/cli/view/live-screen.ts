import type { WriteStream } from 'node:tty'
import { createLogUpdate } from 'log-update'
import { readAlert } from '#functions/gold/detect-fraud/alert.ts'
import { formatReport } from '../report.ts'
import type { Screen } from '../screen.ts'
import { layoutAlert } from './alert-layout.ts'
import { makeBudget } from './budget.ts'
import { formatEndpoints } from './endpoints.ts'
import { layout, rowsTaken } from './layout.ts'
import { cutLine, type Line, paintColours, paintNothing, span, wrapText } from './text.ts'
import { openWatch } from './watch.ts'

const saidWithinMs = 250
const drawnWithinMs = 1_000 // log-update takes some 5 ms to draw
const howToSee = 'npx cupel sql "SELECT line FROM alerts ORDER BY id DESC"'

/**
 * The live view: what is said once (endpoints, notes, alerts) scrolls up above a picture of how things stand, which is
 * drawn again within a second when it changes. Where there are more alerts than one can read, it says how
 * many were not shown.
 */
export function liveScreen(stream: WriteStream): Screen {
  const paint = process.env.NO_COLOR ? paintNothing : paintColours
  const draw = createLogUpdate(stream)
  const alerts = makeBudget({ atOnce: 5, perSecond: 3, sayEveryMs: 5_000 })
  const watch = openWatch({ everyMs: 1_000, onChange: () => update(drawnWithinMs) })
  let said: Line[] = [] // to be printed above the picture
  let picture: readonly Line[] = []
  let timer: NodeJS.Timeout | undefined
  let dueMs = Number.POSITIVE_INFINITY
  let isClosed = false

  const update = (withinMs: number) => {
    const byMs = performance.now() + withinMs
    if (isClosed || byMs >= dueMs) return
    clearTimeout(timer)
    dueMs = byMs
    timer = setTimeout(show, withinMs)
  }
  const say = (...lines: readonly Line[]) => {
    said.push(...lines)
    update(saidWithinMs)
  }
  const size = () => ({ columns: stream.columns || 80, rows: (stream.rows || 24) - 1 })

  function show() {
    clearTimeout(timer)
    dueMs = Number.POSITIVE_INFINITY
    const withheld = alerts.withheld(performance.now())
    if (withheld > 0) said.push([span(`         and ${withheld} more alerts: ${howToSee}`, 'label')])
    const next = layout(watch.model(), size())
    // log-update 7.2 takes equal lines at the end of a picture for standing where they stood, whatever its height.
    if (next.length !== picture.length) draw.clear()
    for (const line of said) draw.persist(paint(line))
    said = []
    picture = next
    if (picture.length > 0) draw(picture.map(paint).join('\n'))
  }

  /** A terminal that got narrower has broken the lines that it shows: they take more rows than were drawn. */
  function resized() {
    const { columns } = size()
    stream.write(`${'\x1b[1A\x1b[2K'.repeat(rowsTaken(picture, columns))}\r`)
    draw.done() // it has forgotten what it drew
    show()
  }
  stream.on('resize', resized)

  return {
    note: (text) => say(...wrapText(text.trimEnd(), size().columns).map((line) => [span(line)])),
    alert(line) {
      const parts = readAlert(line)
      if (!alerts.take(performance.now())) return update(drawnWithinMs)
      const { columns } = size()
      const time = new Date().toTimeString().slice(0, 8)
      say(...(parts ? layoutAlert(parts, time, columns) : [cutLine([span(line, 'alarm')], columns)]))
    },
    invocation: watch.invocation,
    running({ endpoints, ...watched }, ports, data) {
      say(...formatEndpoints(endpoints).map((line) => [span(line)]), [])
      watch.begin(watched, ports, data)
    },
    progress: watch.progress,
    report(report) {
      show()
      draw.clear()
      picture = []
      isClosed = true
      draw.done()
      stream.write(`\n${formatReport(report)}\n`)
    },
    async close() {
      watch.end()
      stream.off('resize', resized)
      clearTimeout(timer)
      if (isClosed) return
      watch.progress({ phase: 'stopped' })
      isClosed = true
      draw.clear() // with the ^C that a terminal has written behind it
      show()
      draw.done()
    },
  }
}
