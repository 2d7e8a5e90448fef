import type { Decision } from './assess.ts'
import { showAmount } from './money.ts'

export type Alert = {
  readonly id: string // of its row in the table `alerts`: the same one when it is sent again
  readonly line: string
}

/**
 * One line for people: what was found on which transaction, and why. It names no person; what senders wrote (the city) cannot
 * break the line.
 */
export function alertLine({ transaction, version, findings }: Decision): string {
  const { transaction_id, amount, currency, merchant_id, city, country } = transaction
  const corrected = version > 1 ? ` (version ${version})` : ''
  const reasons = findings.map(({ rule, explanation }) => `${rule}: ${explanation}`).join('; ')
  const place = `in ${city}, ${country}`
  const line = `ALERT ${transaction_id}${corrected} ${showAmount(amount)} ${currency} at merchant ${merchant_id} ${place}: ${reasons}`
  return line.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
}
