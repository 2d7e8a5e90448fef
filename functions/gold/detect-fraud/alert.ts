import type { Decision } from './assess.ts'
import { showAmount } from './money.ts'

export type Alert = {
  readonly id: string // of its row in the table `alerts`: the same one when it is sent again
  readonly line: string
}

/** What an alert's line says. */
export type AlertParts = {
  readonly transactionId: string
  readonly version: number // above 1: a correction of what was decided before
  readonly amount: string // 45,210.00
  readonly currency: string
  readonly merchant: string // its name, or `merchant <id>` while gold does not know it
  readonly place: string // Berlin, DE
  readonly findings: readonly { readonly rule: string; readonly explanation: string }[]
}

const between = ' · '
const longestName = 60 // characters of what senders wrote

/**
 * One line for people, which `readAlert` takes apart again: what was found on which transaction, and why. It names no
 * person; what senders wrote (merchant, city) is cut and cannot break the line or pass for another part of it.
 */
export function alertLine(
  { transaction, version, findings }: Pick<Decision, 'transaction' | 'version' | 'findings'>,
  merchantName?: string,
): string {
  const { transaction_id, amount, currency, merchant_id, city, country } = transaction
  return [
    `ALERT ${showAmount(amount)} ${currency}`,
    shorten(oneLine(merchantName ?? '')) || `merchant ${merchant_id}`,
    `${shorten(oneLine(city))}, ${country}`,
    ...findings.map(({ rule, explanation }) => `${rule}: ${oneLine(explanation)}`),
    `transaction ${transaction_id}${version > 1 ? ` version ${version}` : ''}`,
  ].join(between)
}

/** The parts of a line that `alertLine` wrote; undefined for any other line. */
export function readAlert(line: string): AlertParts | undefined {
  const [head = '', merchant, place, ...rest] = line.split(between)
  const [, amount, currency] = /^ALERT (\S+) (\S+)$/.exec(head) ?? []
  const [, transactionId, version = '1'] =
    /^transaction (\S+)(?: version (\d+))?$/.exec(rest.pop() ?? '') ?? []
  if (!amount || !currency || !transactionId || merchant === undefined || place === undefined)
    return undefined
  const findings = rest.map((finding) => {
    const colon = finding.indexOf(': ')
    return { rule: finding.slice(0, colon), explanation: finding.slice(colon + 2) }
  })
  return { transactionId, version: Number(version), amount, currency, merchant, place, findings }
}

const oneLine = (text: string): string =>
  text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replaceAll('·', '-')
    .trim()

const shorten = (text: string): string => {
  const characters = [...text]
  return characters.length <= longestName ? text : `${characters.slice(0, longestName - 1).join('')}…`
}
