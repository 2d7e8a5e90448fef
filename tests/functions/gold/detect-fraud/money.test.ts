import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  readUsdText,
  showAmount,
  showCents,
  squareRoot,
  toMicroUsd,
  usdText,
} from '#functions/gold/detect-fraud/money.ts'

describe('money', () => {
  it.each([
    ['45210.0000', '1.064', '48103.440000'],
    ['0.0001', '0.004', '0.000000'],
    ['0.0001', '0.005', '0.000001'], // half a millionth is rounded up
    ['99999999999999.9999', '1.5', '149999999999999.999850'],
    ['1.0000', '1', '1.000000'],
  ])('%s at %s is %s USD', (amount, rate, expected) => {
    expect(usdText(toMicroUsd(amount, rate))).toBe(expected)
  })

  it.each([
    ['45210.0000', '45,210.00'],
    ['999', '999.00'],
    ['1000000.5', '1,000,000.50'],
    ['30000.000100', '30,000.0001'],
    ['0.0001', '0.0001'],
  ])('shows %s as %s', (decimal, expected) => {
    expect(showAmount(decimal)).toBe(expected)
  })

  it('shows estimates to the cent', () => {
    expect(showCents(19_909_999n)).toBe('19.90')
  })

  it('reads back what it wrote', () => {
    fc.assert(fc.property(fc.bigInt(0n, 10n ** 30n), (micro) => readUsdText(usdText(micro)) === micro))
  })

  it('takes square roots rounded down', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 10n ** 80n), (value) => {
        const root = squareRoot(value)
        expect(root * root <= value && value < (root + 1n) * (root + 1n)).toBe(true)
      }),
    )
  })
})
