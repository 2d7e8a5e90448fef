import type { Transaction } from '../../../../datasets/finance/transactions.ts'
import type { History } from '../history.ts'
import type { MicroUsd } from '../money.ts'
import type { Listing, Rate } from '../reference.ts'

/**
 * One thing to look for. `assess` is pure, takes any transaction that the dataset accepts, and never throws. Count `version` up
 * whenever the same transaction and context could give another answer: decisions say which version they come from.
 */
export type Rule = {
  readonly id: string
  readonly version: number
  readonly assess: (transaction: Transaction, context: Context) => Evidence | null
}

/** What is known about a transaction when it is decided. */
export type Context = {
  readonly worth: Worth | null // null: no exchange rate for its currency and day
  readonly history: History // of its user, before it
  readonly suspiciousMerchant: Listing | undefined
  readonly highRiskCountry: Listing | undefined
}
export type Worth = { readonly usd: MicroUsd; readonly rate: Rate }

/** Why a rule found fraud: the numbers it saw, the limits they passed, and both in a sentence. Decimals are text. */
export type Evidence = {
  readonly inputs: Readonly<Record<string, string | number>>
  readonly thresholds: Readonly<Record<string, string | number>>
  readonly explanation: string
}

export type Finding = Evidence & { readonly rule: string; readonly version: number }
