import type { KafkaMapping } from './kafka-mapping.ts'

type Event = { readonly msk?: KafkaEvent; readonly kafka?: KafkaEvent }
type KafkaEvent = { readonly topic?: unknown; readonly maximumBatchingWindow?: unknown }

/**
 * Warnings of events that ask for a window of 0 and get AWS's 500 ms: the framework leaves a 0 out of the template. One
 * that `resources.extensions` puts back in is none.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
 */
export function droppedWindows(
  functions: Readonly<Record<string, { readonly name: string; readonly events?: readonly object[] }>>,
  mappings: readonly Pick<KafkaMapping, 'functionName' | 'topic' | 'windowMs'>[],
): string[] {
  return Object.entries(functions).flatMap(([key, { name, events = [] }]) =>
    events.flatMap((event) => {
      const { msk, kafka } = event as Event
      const { topic, maximumBatchingWindow } = msk ?? kafka ?? {}
      const mapping = mappings.find((each) => each.functionName === name && each.topic === topic)
      return maximumBatchingWindow === 0 && mapping !== undefined && mapping.windowMs > 0
        ? [
            `${key}: maximumBatchingWindow 0 of ${topic} is left out by Serverless, and means ${mapping.windowMs} ms; ` +
              'set MaximumBatchingWindowInSeconds: 0 under resources.extensions',
          ]
        : []
    }),
  )
}
