import type { Random } from '../random.ts'
import { breakRecord, type Cause, causes, type Expected } from './dirt.ts'
import type { FraudKind } from './frauds.ts'
import { type Fields, type Topic, topics } from './records.ts'
import { spellRecord } from './spelling.ts'

/** One record to produce, in this order: records of one key must reach one partition in the order given. */
export type Produced = {
  readonly topic: Topic
  readonly key: string | null // the user, account or merchant; another or none on a few broken ones
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer>> // of transactions, `fraud-label`: a FraudKind or `none`
  readonly timestampMs: number
  readonly truth: Truth // what was planted; not to be produced
}
export type Truth = {
  readonly as: 'valid' | 'duplicate' | Cause
  readonly fraud: FraudKind | 'none'
  readonly resembles: FraudKind | 'none' // honest, and easily taken for that
  readonly reasons: readonly Expected[] // of a broken one: what quarantine must say, in this order
}

export type Outgoing = {
  readonly topic: Topic
  readonly key: string
  readonly fields: Fields
  readonly timestampMs: number
  readonly fraud?: FraudKind | 'none'
  readonly resembles?: FraudKind | 'none'
}

const keptPerTopic = 32

/** Turns fields into records: breaks a share of them, and keeps the last valid ones of each topic so that they can come again. */
export function makeSender(random: Random, brokenShare: number) {
  const kept = Object.fromEntries(topics.map((topic) => [topic, [] as Produced[]])) as Record<
    Topic,
    Produced[]
  >
  const nextKept = Object.fromEntries(topics.map((topic) => [topic, 0])) as Record<Topic, number>

  return {
    send({ topic, key, fields, timestampMs, fraud = 'none', resembles = 'none' }: Outgoing): Produced {
      if (random.chance(brokenShare)) {
        const cause = random.pick(causes)
        const { value, reasons } = breakRecord(random, topic, fields, cause)
        return {
          topic,
          key: random.chance(0.1) ? null : random.chance(0.1) ? `${topic}-${random.below(100)}` : key,
          value,
          headers: headersOf(topic, 'none'),
          timestampMs,
          truth: { as: cause, fraud: 'none', resembles: 'none', reasons },
        }
      }
      const record: Produced = {
        topic,
        key,
        value: Buffer.from(spellRecord(random, fields)),
        headers: headersOf(topic, fraud),
        timestampMs,
        truth: { as: 'valid', fraud, resembles, reasons: [] },
      }
      kept[topic][nextKept[topic]] = record
      nextKept[topic] = (nextKept[topic] + 1) % keptPerTopic
      return record
    },
    /** A valid record of the topic that was sent shortly before, as it was; undefined before the first. */
    repeat(topic: Topic): Produced | undefined {
      if (kept[topic].length === 0) return undefined
      const earlier = random.pick(kept[topic])
      return { ...earlier, truth: { ...earlier.truth, as: 'duplicate' } }
    },
  }
}

const labels = new Map<string, Produced['headers']>()
function headersOf(topic: Topic, label: string): Produced['headers'] {
  if (topic !== 'transactions') return none
  const known = labels.get(label) ?? { 'fraud-label': Buffer.from(label) }
  labels.set(label, known)
  return known
}
const none: Produced['headers'] = {}
