import stringWidth from 'string-width'
import { describe, expect, it } from 'vitest'
import { layoutAlert } from '#operations/cli/view/alert-layout.ts'
import { paintNothing } from '#operations/cli/view/text.ts'

const alert = {
  transactionId: '3d5ea380-93b5-435d-88c2-50632f468e7e',
  version: 1,
  amount: '75,825.71',
  currency: 'EUR',
  merchant: 'Ramirez, Kuhn and Sons',
  place: 'Ciudad de México, MX',
  findings: [
    { rule: 'high-risk-location', explanation: 'country MX listed since 2015-01-01 (sample)' },
    { rule: 'large-amount', explanation: 'amount 75,825.71 EUR = 89,095.20925 USD > 30,000.00 USD' },
  ],
}
const shown = (columns: number, change = {}) =>
  layoutAlert({ ...alert, ...change }, '12:34:56', columns).map(paintNothing)

describe('an alert', () => {
  it('is one line where it fits', () => {
    expect(shown(260)).toEqual([
      '12:34:56 ALERT 75,825.71 EUR · Ramirez, Kuhn and Sons · Ciudad de México, MX · ' +
        'high-risk-location: country MX listed since 2015-01-01 (sample) · ' +
        'large-amount: amount 75,825.71 EUR = 89,095.20925 USD > 30,000.00 USD · 3d5ea380-93b5-435d-88c2-50632f468e7e',
    ])
  })

  it('puts what the rules found below where it does not fit', () => {
    expect(shown(120)).toEqual([
      '12:34:56 ALERT 75,825.71 EUR · Ramirez, Kuhn and Sons · Ciudad de México, MX        3d5ea380-93b5-435d-88c2-50632f468e7e',
      '         high-risk-location: country MX listed since 2015-01-01 (sample)',
      '         large-amount: amount 75,825.71 EUR = 89,095.20925 USD > 30,000.00 USD',
    ])
    expect(shown(60)).toEqual([
      '12:34:56 ALERT 75,825.71 EUR · Ramirez, Ku… · Ciudad de Méx…',
      '         high-risk-location: country MX listed since',
      '         2015-01-01 (sample)',
      '         large-amount: amount 75,825.71 EUR = 89,095.20925',
      '         USD > 30,000.00 USD',
      '         3d5ea380-93b5-435d-88c2-50632f468e7e',
    ])
  })

  it.each([30, 46, 60, 80, 90, 120, 200])(
    'is not wider than %i columns, and names the transaction',
    (columns) => {
      const wide = { merchant: '株式会社'.repeat(8), place: '東京都, JP' }
      for (const change of [{}, wide, { version: 3 }]) {
        const lines = shown(columns, change)
        for (const line of lines) expect(stringWidth(line)).toBeLessThanOrEqual(columns)
        expect(lines.join(columns < 46 ? '' : '\n')).toContain(alert.transactionId)
      }
    },
  )
})
