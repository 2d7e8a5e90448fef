import type { CloudMessage } from '../local-cloud.ts'
import type { LocalPorts } from '../local-ports.ts'
import { measureMemory } from './memory.ts'
import { emptyModel, invoked, type Model, measured, progressed, type RunProgress } from './model.ts'
import { type Monitor, startMonitor, type Watched } from './monitor.ts'

/** The model of a run as it goes on. */
export type Watch = {
  readonly model: () => Model
  readonly begin: (watched: Watched, ports: LocalPorts, dataDirectory: string) => void
  readonly invocation: (message: CloudMessage) => void
  readonly progress: (progress: RunProgress) => void
  readonly end: () => void
}

const memoryEveryMs = 10_000

/** `onChange` is called after each change of the model. `everyMs` is how often it is measured what runs. */
export function openWatch({ everyMs, onChange }: { everyMs: number; onChange: () => void }): Watch {
  let model = emptyModel
  let monitor: Monitor | undefined
  let remembering: NodeJS.Timeout | undefined
  const change = (next: Model) => {
    model = next
    onChange()
  }
  const watch: Watch = {
    model: () => model,
    begin(watched, ports, dataDirectory) {
      monitor = startMonitor(ports, watched, {
        everyMs,
        onMeasurement: (measurement) => change(measured(model, measurement)),
      })
      const remember = async () => {
        const memory = await measureMemory(process.pid, dataDirectory)
        if (remembering) change({ ...model, memory })
      }
      remembering = setInterval(remember, memoryEveryMs)
      void remember()
    },
    invocation(message) {
      monitor?.wake()
      change(invoked(model, message))
    },
    progress(progress) {
      change(progressed(model, progress, performance.now()))
      if (progress.phase === 'stopping') watch.end()
    },
    end() {
      monitor?.stop()
      clearInterval(remembering)
      remembering = undefined
    },
  }
  return watch
}
