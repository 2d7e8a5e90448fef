import { readAlert } from '#functions/gold/detect-fraud/alert.ts'
import type { Screen } from '../screen.ts'
import { completionOf, type Model, percentile, rateOf } from './model.ts'
import { openWatch } from './watch.ts'

const progressEveryMs = 5_000

/**
 * A JSON document a line, each with its `type`: `note`, `endpoints`, `alert`, `progress` every five seconds while
 * something but the memory changes, and at the end of a bounded run `report`.
 */
export function jsonScreen(print: (text: string) => void = console.log): Screen {
  const say = (type: string, content: object) => print(JSON.stringify({ type, ...content }))
  const watch = openWatch({ everyMs: 2_000, onChange: () => {} })
  let timer: NodeJS.Timeout | undefined
  let last = ''
  return {
    note: (text) => say('note', { text }),
    alert: (line) => say('alert', readAlert(line) ?? { line }),
    invocation: watch.invocation,
    running({ endpoints, ...watched }, ports, data) {
      say('endpoints', endpoints)
      watch.begin(watched, ports, data)
      timer = setInterval(() => {
        const progress = progressOf(watch.model())
        const counts = JSON.stringify({ ...progress, memory: null })
        if (counts !== last) say('progress', { time: new Date().toISOString(), ...progress })
        last = counts
      }, progressEveryMs)
    },
    progress(progress) {
      if (progress.phase === 'stopping') clearInterval(timer)
      watch.progress(progress)
    },
    report: (report) => say('report', report),
    async close() {
      clearInterval(timer)
      watch.end()
    },
  }
}

/** The picture as numbers; null where nobody can tell yet. Latencies are described in the live view's legend. */
export function progressOf(model: Model): object {
  const { stages, shown, progress, frauds, tooLarge, goldLatenciesMs, memory } = model
  const latency = (samples: readonly number[]) => ({
    p50Ms: percentile(samples, 0.5) ?? null,
    p99Ms: percentile(samples, 0.99) ?? null,
  })
  return {
    ...progress,
    etaMs: completionOf(model)?.etaMs ?? null,
    stages: shown.map((stage) => {
      const { points, latenciesMs, quarantined, duplicates, ...counts } = stages[stage]
      return {
        stage,
        recordsPerSecond: rateOf(points) ?? null,
        ...counts,
        quarantined: quarantined ?? null,
        duplicates: duplicates ?? null,
        ...latency(latenciesMs),
      }
    }),
    kafkaToGold: latency(goldLatenciesMs),
    frauds,
    tooLarge,
    memory: memory ?? null,
  }
}
