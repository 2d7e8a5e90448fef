import { resolve } from 'node:path'
import { datasetByTopic } from '#datasets/index.ts'
import { withServices } from '../look-back/services.ts'
import { streamRows } from './stream.ts'

export type StreamCommandOptions = {
  readonly topic: string
  readonly delay: number // ms
  readonly restart?: boolean
}

/** `cupel stream`: into the running local cloud's Kafka, that of KAFKA_BROKERS, or, where nothing runs, the one that starts next. */
export const runStream = (
  root: string,
  file: string,
  { topic, delay, restart }: StreamCommandOptions,
): Promise<number> =>
  withServices(
    root,
    async ({ ports, running, signal }) => {
      const dataset = datasetByTopic(topic)
      const becomes = dataset
        ? `rows of ${dataset.name}`
        : `kept in bronze/unclaimed-${topic}: no dataset has this topic`
      console.log(`Records of ${topic} become ${becomes}${running ? '' : ', when npm start runs'}.`)
      let shown = 0
      const say = (sent: number) => console.log(`${sent} sent`)
      let sent = 0
      await streamRows(ports.kafka, {
        file: resolve(file),
        topic,
        delayMs: delay,
        ...(restart && { restart }),
        signal,
        note: console.log,
        onSent(rows) {
          sent += rows
          if (performance.now() - shown < 1_000) return
          shown = performance.now()
          say(sent)
        },
      })
      say(sent)
      return 0
    },
    ['kafka'],
  )
