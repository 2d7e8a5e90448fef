import { ErrorCode, Refusal } from './error-codes.ts'
import type { BatchHeader } from './record-batch.ts'

type Appended = { readonly firstSequence: number; readonly lastSequence: number; readonly baseOffset: number }
type ProducerState = { epoch: number; recent: Appended[] }

/** A client keeps at most this many requests under way, so a resent batch is one of the last five. */
const REMEMBERED_BATCHES = 5
/** Producers remembered a partition; beyond it the one that wrote least recently is forgotten. */
const REMEMBERED_PRODUCERS = 10_000

/**
 * What idempotent producers wrote to one partition: an epoch never goes back, sequence numbers have no gap, and a
 * batch that is sent again is recognised. A producer that is not known may start anywhere, as in Kafka, because its
 * state may have left together with old records.
 */
export class ProducerStates {
  readonly #byId = new Map<number, ProducerState>()

  /** The base offset that this very batch already has, or undefined when it is to be appended. Throws a `Refusal`. */
  check({ producerId, producerEpoch, baseSequence, recordCount }: BatchHeader): number | undefined {
    const state = this.#byId.get(producerId)
    if (producerId < 0 || !state) return undefined
    if (producerEpoch < state.epoch) {
      throw new Refusal(
        ErrorCode.INVALID_PRODUCER_EPOCH,
        `epoch ${producerEpoch} of producer ${producerId} ended, it is at ${state.epoch}`,
      )
    }
    if (producerEpoch > state.epoch) {
      if (baseSequence === 0) return undefined
      throw outOfOrder(producerId, baseSequence, 0)
    }
    const lastSequence = wrapped(baseSequence + recordCount - 1)
    const twin = state.recent.find((b) => b.firstSequence === baseSequence && b.lastSequence === lastSequence)
    if (twin) return twin.baseOffset
    const expected = wrapped(state.recent.at(-1)!.lastSequence + 1)
    if (baseSequence !== expected) throw outOfOrder(producerId, baseSequence, expected)
    return undefined
  }

  /** Remember a batch that stands in the log. */
  record({ producerId, producerEpoch, baseSequence, recordCount, baseOffset }: BatchHeader): void {
    if (producerId < 0) return
    const known = this.#byId.get(producerId)
    const state = known?.epoch === producerEpoch ? known : { epoch: producerEpoch, recent: [] }
    const lastSequence = wrapped(baseSequence + recordCount - 1)
    state.recent.push({ firstSequence: baseSequence, lastSequence, baseOffset })
    if (state.recent.length > REMEMBERED_BATCHES) state.recent.shift()
    this.#byId.delete(producerId) // re-inserted last: a Map keeps the order of writing
    this.#byId.set(producerId, state)
    if (this.#byId.size > REMEMBERED_PRODUCERS) this.#byId.delete(this.#byId.keys().next().value!)
  }
}

/** Sequences are int32 and go on with 0 after 2^31-1. */
const wrapped = (sequence: number) => sequence % 0x8000_0000

const outOfOrder = (producerId: number, got: number, expected: number) =>
  new Refusal(
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    `producer ${producerId} sent sequence ${got}, the next one is ${expected}`,
  )
