import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Arrival,
  assess,
  type Decided,
  type Decision,
  type Knowledge,
} from '#functions/gold/detect-fraud/assess.ts'
import { anyTransaction, arrivalsOf, aTransaction, nothingKnown } from './arbitraries.ts'

const shown = (decisions: readonly Decision[]) =>
  decisions.map(({ transaction, version, verdict, findings, worth }) => ({
    id: transaction.transaction_id,
    version,
    verdict,
    findings,
    usd: worth?.usd,
  }))

/** What a batch leaves behind for the next, as the store would read it back. */
function after(before: Knowledge, { decisions, histories }: ReturnType<typeof assess>): Knowledge {
  const decided = new Map<string, Decided>(before.decided)
  for (const { transaction, version, verdict, worth, contentSha256 } of decisions)
    decided.set(transaction.transaction_id, {
      contents: [...(decided.get(transaction.transaction_id)?.contents ?? []), contentSha256],
      latest: {
        version,
        verdict,
        userId: transaction.user_id,
        eventMs: Date.parse(transaction.event_time),
        worthUsd: worth?.usd ?? null,
      },
    })
  return { ...before, decided, histories: new Map([...before.histories, ...histories]) }
}

function inPieces(arrivals: readonly Arrival[], sizes: readonly number[]) {
  let knowledge = nothingKnown
  const decisions: Decision[] = []
  let duplicates = 0
  for (let at = 0, piece = 0; at < arrivals.length; piece += 1) {
    const size = sizes[piece % sizes.length]!
    const result = assess(arrivals.slice(at, at + size), knowledge)
    knowledge = after(knowledge, result)
    decisions.push(...result.decisions)
    duplicates += result.duplicates.length
    at += size
  }
  return { decisions, duplicates, histories: knowledge.histories }
}

describe('assess', () => {
  it('decides the same, whatever the batches', () => {
    fc.assert(
      fc.property(
        fc.array(anyTransaction, { maxLength: 60 }).map(arrivalsOf),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 8 }),
        (arrivals, sizes) => {
          const whole = assess(arrivals, nothingKnown)
          const pieces = inPieces(arrivals, sizes)
          expect(shown(pieces.decisions)).toEqual(shown(whole.decisions))
          expect(pieces.histories).toEqual(whole.histories)
          expect(pieces.duplicates).toBe(whole.duplicates.length)
        },
      ),
    )
  })

  it('loses no transaction and invents none; a second delivery is all duplicates', () => {
    fc.assert(
      fc.property(fc.array(anyTransaction, { maxLength: 60 }).map(arrivalsOf), (arrivals) => {
        const first = assess(arrivals, nothingKnown)
        expect(first.decisions.length + first.duplicates.length).toBe(arrivals.length)
        const second = assess(arrivals, after(nothingKnown, first))
        expect(second.decisions).toEqual([])
        expect(second.histories.size).toBe(0)
      }),
    )
  })

  it('decides a user by that user alone', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(anyTransaction, { maxLength: 60, selector: (t) => t.transaction_id }),
        (transactions) => {
          const all = shown(assess(arrivalsOf(transactions), nothingKnown).decisions)
          for (const user of new Set(transactions.map(({ user_id }) => user_id))) {
            const own = transactions.filter(({ user_id }) => user_id === user)
            const ids = new Set(own.map(({ transaction_id }) => transaction_id))
            expect(shown(assess(arrivalsOf(own), nothingKnown).decisions)).toEqual(
              all.filter(({ id }) => ids.has(id)),
            )
          }
        },
      ),
    )
  })

  it('leaves the same history after a correction as if it had come right at once', () => {
    const others = [1, 2, 3].map((n) =>
      aTransaction({ transaction_id: `a${n}`, event_time: `2026-01-0${n}T00:00:00.000Z` }),
    )
    const wrong = aTransaction({ transaction_id: 'b', amount: '44.0000' })
    const right = aTransaction({ transaction_id: 'b', amount: '55.0000' })
    const corrected = assess(arrivalsOf([...others, wrong, right]), nothingKnown)
    const atOnce = assess(arrivalsOf([...others, right]), nothingKnown)
    expect(corrected.histories).toEqual(atOnce.histories)
    expect(corrected.decisions.map(({ version }) => version)).toEqual([1, 1, 1, 1, 2])
  })

  it('takes another spelling for the same content', () => {
    const again = { ...aTransaction(), device: null }
    expect(assess(arrivalsOf([aTransaction(), again]), nothingKnown).duplicates.length).toBe(1)
    expect(
      assess(arrivalsOf([aTransaction(), { ...again, device: 'x' }]), nothingKnown).duplicates.length,
    ).toBe(0)
  })

  it('keeps fraud out of what the user usually spends', () => {
    const { histories } = assess(
      arrivalsOf([aTransaction(), aTransaction({ transaction_id: 'b', amount: '99999.0000' })]),
      nothingKnown,
    )
    expect([...histories.values()]).toMatchObject([{ payments: 1, sum: 20_000_000n }])
  })
})
