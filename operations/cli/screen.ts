import type { CloudMessage, Endpoints } from './local-cloud.ts'
import type { LocalPorts } from './local-ports.ts'
import { local } from './local-ports.ts'
import { formatReport, type Report } from './report.ts'

/** Where `cupel start` shows what happens: plain lines, one JSON document, or a live view. */
export type Screen = {
  /** What goes on, or went wrong, in a line. */
  readonly note: (line: string) => void
  /** A line that detect-fraud wrote about a fraud. */
  readonly alert: (line: string) => void
  readonly invocation?: (message: CloudMessage) => void
  /** Everything runs; a live view watches it through the ports until `close`. */
  readonly running: (endpoints: Endpoints, ports: LocalPorts) => void
  readonly report: (report: Report) => void
  readonly close: () => Promise<void>
}

const nothing = () => {}

export const plainScreen: Screen = {
  note: (line) => console.log(line),
  alert: (line) => console.log(line),
  running: (endpoints) => console.log(formatEndpoints(endpoints)),
  report: (report) => console.log(`\n${formatReport(report)}`),
  close: async () => {},
}

export const jsonScreen: Screen = {
  note: nothing,
  alert: nothing,
  running: nothing,
  report: (report) => console.log(JSON.stringify(report, null, 2)),
  close: async () => {},
}

const formatEndpoints = ({ kafka, s3, lambda, postgres }: Endpoints): string =>
  [
    `  Kafka       ${kafka}`,
    `  S3          ${s3}   buckets ${local.lakeBucket}, ${local.failureBucket}`,
    `  PostgreSQL  psql ${postgres}`,
    `  Lambda      ${lambda}`,
  ].join('\n')
