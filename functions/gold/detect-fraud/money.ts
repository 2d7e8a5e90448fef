/** Money without floats: what is compared and added up is a whole number of millionths of a US dollar. */
export type MicroUsd = bigint

/** Whole US dollars, in millionths. */
export const dollars = (count: number): MicroUsd => BigInt(count) * 1_000_000n

/**
 * What an amount is worth, rounded half up to a millionth of a dollar. Both arguments are decimal texts as the transactions
 * dataset and PostgreSQL's numeric write them (`1234.5000`, `1.064`), not below zero.
 */
export function toMicroUsd(amount: string, usdPerUnit: string): MicroUsd {
  const [units, amountScale] = unscaled(amount)
  const [rate, rateScale] = unscaled(usdPerUnit)
  const divisor = 10n ** BigInt(amountScale + rateScale)
  return (2_000_000n * units * rate + divisor) / (2n * divisor)
}

/** The same sum as a decimal text with all six decimals, as the warehouse stores it. */
export const usdText = (micro: MicroUsd): string =>
  `${micro / 1_000_000n}.${String(micro % 1_000_000n).padStart(6, '0')}`

export const readUsdText = (text: string): MicroUsd => toMicroUsd(text, '1')

/** For people: `48,100.20`. Never rounded, so what is shown explains what was decided; at least two decimals. */
export function showAmount(decimal: string): string {
  const [whole = '', fraction = ''] = decimal.split('.')
  const decimals = fraction.replace(/0+$/, '').padEnd(2, '0')
  return `${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${decimals}`
}

/** For people, to the cent, rounded down: for what is itself an estimate, such as a mean. */
export const showCents = (micro: MicroUsd): string => showAmount(usdText(micro - (micro % 10_000n)))

function unscaled(decimal: string): readonly [units: bigint, scale: number] {
  const [whole = '', fraction = ''] = decimal.split('.')
  return [BigInt(whole + fraction), fraction.length]
}

/** The largest whole number whose square is not above `value`. Newton's method from above. */
export function squareRoot(value: bigint): bigint {
  if (value < 2n) return value
  let guess = 1n << BigInt(Math.ceil(value.toString(2).length / 2))
  for (;;) {
    const better = (guess + value / guess) / 2n
    if (better >= guess) return guess
    guess = better
  }
}
