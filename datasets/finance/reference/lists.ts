/**
 * Sample reference data that the generator plants and the fraud rules look up. What the warehouse holds is seeded by
 * warehouse/migrations/011-reference.sql; a test keeps the two alike. Samples, not compliance data: replace them with
 * your own lists and rates before you decide about real money.
 */

/** Dated, both days in UTC: from the first day on, until before the last. */
type Listed = { readonly from: string; readonly to: string | null; readonly reason: string }

export type ListedMerchant = Listed & { readonly merchantId: string }
export const suspiciousMerchants: readonly ListedMerchant[] = [
  {
    merchantId: '5a3c1f00-0000-4000-8000-000000000001',
    reason: 'sample: shell company',
    from: '2015-01-01',
    to: null,
  },
  {
    merchantId: '5a3c1f00-0000-4000-8000-000000000002',
    reason: 'sample: mass chargebacks',
    from: '2015-01-01',
    to: null,
  },
  {
    merchantId: '5a3c1f00-0000-4000-8000-000000000003',
    reason: 'sample: unlicensed exchange',
    from: '2015-01-01',
    to: null,
  },
  {
    merchantId: '5a3c1f00-0000-4000-8000-000000000004',
    reason: 'sample: card testing',
    from: '2015-01-01',
    to: null,
  },
  {
    merchantId: '5a3c1f00-0000-4000-8000-000000000005',
    reason: 'sample: cleared in 2021',
    from: '2015-01-01',
    to: '2021-07-01',
  },
]

export type ListedCountry = Listed & { readonly country: string } // alpha-2
export const highRiskCountries: readonly ListedCountry[] = [
  { country: 'KP', reason: 'sample: call for action', from: '2015-01-01', to: null },
  { country: 'IR', reason: 'sample: call for action', from: '2015-01-01', to: null },
  { country: 'MM', reason: 'sample: call for action', from: '2015-01-01', to: null },
  { country: 'PK', reason: 'sample: increased monitoring', from: '2018-06-29', to: '2022-10-21' },
]

export type ExchangeRate = {
  readonly currency: string // ISO 4217
  readonly from: string // day in UTC; valid until the next one of this currency
  readonly usdPerUnit: string // decimal: what one unit of the currency is worth in US dollars
}

const rates = (from: string, worth: Readonly<Record<string, string>>): readonly ExchangeRate[] =>
  Object.entries(worth).map(([currency, usdPerUnit]) => ({ currency, from, usdPerUnit }))

export const exchangeRates: readonly ExchangeRate[] = [
  ...rates('2015-01-01', {
    AED: '0.272294',
    AUD: '0.7512',
    BRL: '0.2510',
    CAD: '0.7745',
    CHF: '1.0350',
    CNY: '0.1502',
    CZK: '0.0421',
    DKK: '0.1512',
    EUR: '1.1250',
    GBP: '1.3420',
    HKD: '0.1286',
    HUF: '0.00341',
    INR: '0.0142',
    JPY: '0.00885',
    KES: '0.00962',
    KRW: '0.00085',
    MXN: '0.0512',
    NOK: '0.1165',
    NZD: '0.6915',
    PLN: '0.2585',
    SEK: '0.1120',
    SGD: '0.7310',
    TRY: '0.1650',
    USD: '1',
    ZAR: '0.0702',
  }),
  ...rates('2025-01-01', {
    AED: '0.272294',
    AUD: '0.6190',
    BRL: '0.1615',
    CAD: '0.6950',
    CHF: '1.1020',
    CNY: '0.1370',
    CZK: '0.0411',
    DKK: '0.1388',
    EUR: '1.0350',
    GBP: '1.2520',
    HKD: '0.1287',
    HUF: '0.00252',
    INR: '0.0117',
    JPY: '0.00636',
    KES: '0.00773',
    KRW: '0.00068',
    MXN: '0.0480',
    NOK: '0.0879',
    NZD: '0.5595',
    PLN: '0.2420',
    SEK: '0.0904',
    SGD: '0.7320',
    TRY: '0.0283',
    USD: '1',
    ZAR: '0.0530',
  }),
  ...rates('2026-01-01', {
    AED: '0.272294',
    AUD: '0.6610',
    BRL: '0.1820',
    CAD: '0.7280',
    CHF: '1.2610',
    CNY: '0.1430',
    CZK: '0.0485',
    DKK: '0.1573',
    EUR: '1.1750',
    GBP: '1.3450',
    HKD: '0.1285',
    HUF: '0.00306',
    INR: '0.0111',
    JPY: '0.00638',
    KES: '0.00775',
    KRW: '0.00069',
    MXN: '0.0556',
    NOK: '0.0992',
    NZD: '0.5760',
    PLN: '0.2785',
    SEK: '0.1085',
    SGD: '0.7780',
    TRY: '0.0233',
    USD: '1',
    ZAR: '0.0603',
  }),
]
