import type { CloudMessage, LocalCloud } from './local-cloud.ts'
import type { LocalPorts } from './local-ports.ts'
import type { Report } from './report.ts'
import { jsonScreen } from './view/json-screen.ts'
import type { RunProgress } from './view/model.ts'
import type { Watched } from './view/monitor.ts'
import { plainScreen } from './view/plain-screen.ts'

/** Where `cupel start` shows what happens: a live view, plain lines, or JSON, a document a line. */
export type Screen = {
  /** What goes on, or went wrong, in a line. */
  readonly note: (line: string) => void
  /** A line that detect-fraud wrote about a fraud. */
  readonly alert: (line: string) => void
  readonly invocation: (message: CloudMessage) => void
  /** Everything runs; it is watched through the ports from now on. */
  readonly running: (cloud: Pick<LocalCloud, 'endpoints'> & Watched, ports: LocalPorts, data: string) => void
  readonly progress: (progress: RunProgress) => void
  readonly report: (report: Report) => void
  readonly close: () => Promise<void>
}

/** The live view in a terminal that can show it, with the libraries that it needs; else lines. */
export async function openScreen({ json, plain }: { json?: boolean; plain?: boolean }): Promise<Screen> {
  if (json) return jsonScreen()
  const { CI, TERM } = process.env
  const isLive = process.stdout.isTTY && !plain && !CI && TERM !== 'dumb'
  return isLive ? (await import('./view/live-screen.ts')).liveScreen(process.stdout) : plainScreen()
}
