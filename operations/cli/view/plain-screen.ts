import { formatReport } from '../report.ts'
import type { Screen } from '../screen.ts'
import { formatEndpoints } from './endpoints.ts'
import { logLine } from './layout.ts'
import { openWatch } from './watch.ts'

const statusEveryMs = 10_000

/** Lines for a log: what happens, and how things stand every ten seconds, when more than the memory has changed. */
export function plainScreen(print: (text: string) => void = console.log): Screen {
  const watch = openWatch({ everyMs: 2_000, onChange: () => {} })
  let timer: NodeJS.Timeout | undefined
  let last = ''
  let isGenerating = false
  return {
    note: print,
    alert: print,
    invocation: watch.invocation,
    running({ endpoints, ...watched }, ports, data) {
      print(formatEndpoints(endpoints).join('\n'))
      watch.begin(watched, ports, data)
      timer = setInterval(() => {
        const model = watch.model()
        const counts = logLine({ ...model, memory: undefined })
        if (model.measured && counts !== last) print(logLine(model))
        last = counts
      }, statusEveryMs)
    },
    progress(progress) {
      if (progress.phase === 'generating' && !isGenerating) {
        isGenerating = true
        print(
          progress.of === undefined
            ? `Generating ${progress.rate} ${progress.counted} a second until Ctrl-C; what is found appears below.\n`
            : `Generating ${progress.of} ${progress.counted} …\n`,
        )
      }
      if (progress.phase === 'stopping') {
        clearInterval(timer)
        print('Stopping …')
      }
      watch.progress(progress)
    },
    report: (report) => print(`\n${formatReport(report)}`),
    async close() {
      clearInterval(timer)
      watch.end()
    },
  }
}
