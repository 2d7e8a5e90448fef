const unitMs: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/**
 * The period of a `rate(…)` expression in milliseconds. AWS's grammar to the letter: a positive whole number, the
 * singular unit with 1 and the plural with everything else. Throws a message that says what to write instead.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html
 */
export function ratePeriodMs(expression: string): number {
  const [, digits = '', unit = '', plural = ''] =
    /^rate\((\d+) (minute|hour|day)(s?)\)$/.exec(expression) ?? []
  const value = Number(digits)
  const periodMs = value * (unitMs[unit] ?? 0)
  if (!(periodMs > 0))
    throw new Error(`${expression} is no rate: write rate(1 minute), rate(5 hours) or rate(2 days)`)
  if ((value === 1) === (plural === 's')) {
    throw new Error(`${expression} is refused by AWS: write rate(${value} ${unit}${value === 1 ? '' : 's'})`)
  }
  return periodMs
}
