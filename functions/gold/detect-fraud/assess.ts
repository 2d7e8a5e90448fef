import { hash } from 'node:crypto'
import type { Transaction } from '../../../datasets/finance/transactions.ts'
import { emptyHistory, forget, type History, remember } from './history.ts'
import { toMicroUsd } from './money.ts'
import { indexReference, type Lookups, type ReferenceData } from './reference.ts'
import { rules } from './rules/index.ts'
import type { Context, Finding, Worth } from './rules/rule.ts'

/** A valid transaction and the record that brought it. */
export type Arrival = {
  readonly transaction: Transaction
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
}

export type Decision = Arrival & {
  readonly version: number // counts from 1
  readonly verdict: 'fraud' | 'genuine'
  readonly findings: readonly Finding[] // none when genuine
  readonly worth: Worth | null
  readonly contentSha256: string
}

/** What earlier decisions on a transaction leave behind. */
export type Decided = {
  readonly contents: readonly string[] // SHA-256 of each version
  readonly latest: Pick<Decision, 'version' | 'verdict'> & {
    readonly userId: string
    readonly eventMs: number
    readonly worthUsd: bigint | null // micro USD
  }
}

/** All that a decision depends on besides the transaction. */
export type Knowledge = {
  readonly histories: ReadonlyMap<string, History> // by user; a user who is not there has none
  readonly decided: ReadonlyMap<string, Decided> // by transaction
  readonly reference: ReferenceData
}

export type Assessment = {
  readonly decisions: readonly Decision[]
  readonly histories: ReadonlyMap<string, History> // of the users whose history changed
  readonly duplicates: readonly Arrival[] // the same transaction with the same content came before
}

/** Which rules look at a transaction, as decisions store it. */
export const ruleSet = rules.map(({ id, version }) => `${id}@${version}`).join(' ')

/**
 * Decide transactions one after the other, in the order given. Pure, and a fold: assessing a sequence at once, or in any
 * pieces with what each piece leaves behind, gives the same decisions.
 *
 * A transaction that comes again with the same content is a duplicate. With another content it is a correction: decided
 * anew as the next version, against a history in which the version before it (of the same user) does not count.
 */
export function assess(arrivals: readonly Arrival[], before: Knowledge): Assessment {
  const lookups = indexReference(before.reference)
  const histories = new Map<string, History>()
  const decided = new Map<string, Decided>()
  const decisions: Decision[] = []
  const duplicates: Arrival[] = []
  for (const arrival of arrivals) {
    const { transaction } = arrival
    const { transaction_id, user_id } = transaction
    const earlier = decided.get(transaction_id) ?? before.decided.get(transaction_id)
    const contentSha256 = hashContent(transaction)
    if (earlier?.contents.includes(contentSha256)) {
      duplicates.push(arrival)
      continue
    }

    const known = histories.get(user_id) ?? before.histories.get(user_id) ?? emptyHistory
    const history = earlier?.latest.userId === user_id ? forget(known, paymentOf(earlier.latest)) : known
    const context = contextOf(transaction, history, lookups)
    const findings = findingsOf(transaction, context)
    const latest = {
      version: (earlier?.latest.version ?? 0) + 1,
      verdict: findings.length > 0 ? ('fraud' as const) : ('genuine' as const),
      userId: user_id,
      eventMs: Date.parse(transaction.event_time),
      worthUsd: context.worth?.usd ?? null,
    }
    histories.set(user_id, remember(history, paymentOf(latest)))
    decided.set(transaction_id, { contents: [...(earlier?.contents ?? []), contentSha256], latest })
    const { version, verdict } = latest
    decisions.push({ version, verdict, findings, worth: context.worth, contentSha256, ...arrival })
  }
  return { decisions, histories, duplicates }
}

function findingsOf(transaction: Transaction, context: Context): readonly Finding[] {
  return rules.flatMap((rule) => {
    const evidence = rule.assess(transaction, context)
    return evidence ? [{ rule: rule.id, version: rule.version, ...evidence }] : []
  })
}

function contextOf(transaction: Transaction, history: History, lookups: Lookups): Context {
  const { amount, currency, merchant_id, country, event_time } = transaction
  const day = event_time.slice(0, 10)
  const rate = lookups.rate(currency, day)
  return {
    worth: rate ? { usd: toMicroUsd(amount, rate.usdPerUnit), rate } : null,
    history,
    suspiciousMerchant: lookups.suspiciousMerchant(merchant_id, day),
    highRiskCountry: lookups.highRiskCountry(country, day),
  }
}

const paymentOf = ({ eventMs, worthUsd, verdict }: Decided['latest']) => ({
  eventMs,
  worth: worthUsd,
  genuine: verdict === 'genuine',
})

/** Of the values, not of the bytes: another spelling is the same content. A new optional field that is not there changes nothing. */
function hashContent(transaction: Transaction): string {
  const present = Object.entries(transaction).filter(([, value]) => value !== null)
  return hash('sha256', JSON.stringify(present))
}
