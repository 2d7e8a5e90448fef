import type { Random } from '../random.ts'
import type { Payment } from './payments.ts'
import type { Account, User } from './people.ts'
import { countryOf } from './reference/places.ts'
import { spellCountry, spellCurrency, spellMoney, spellText, spellTime } from './spelling.ts'
import type { Merchant } from './trade.ts'

/** Payments, people and merchants as the fields of their topics, in the spellings of their senders. */

export type Topic = 'merchant_info' | 'user_profiles' | 'account_balances' | 'transactions'
export type Fields = Record<string, unknown>

export const topics: readonly Topic[] = ['merchant_info', 'user_profiles', 'account_balances', 'transactions']

export function transactionFields(
  random: Random,
  { user, account, merchant, place, cents, currency, channel, eventMs }: Payment,
): Fields {
  const position = random.chance(0.9)
  return {
    transaction_id: random.uuid(),
    account_id: account.id,
    user_id: user.id,
    merchant_id: merchant.id,
    amount: spellMoney(random, cents),
    currency: spellCurrency(random, currency),
    country: spellCountry(random, countryOf(place)),
    city: spellText(random, place.name),
    latitude: position ? near(random, place.latitude) : undefined,
    longitude: position ? near(random, place.longitude) : undefined,
    channel: random.chance(0.05) ? channel.toUpperCase() : channel,
    device: channel === 'atm' ? undefined : user.device,
    event_time: spellTime(random, eventMs),
  }
}

const near = (random: Random, degrees: number): number =>
  Math.round((degrees + (random.next() - 0.5) * 0.1) * 1e6) / 1e6

export const merchantFields = (random: Random, merchant: Merchant, updatedMs: number): Fields => ({
  merchant_id: merchant.id,
  name: spellText(random, merchant.name),
  category: merchant.category,
  risk: merchant.risk,
  country: spellCountry(random, countryOf(merchant.home)),
  city: merchant.home.name,
  updated_at: spellTime(random, updatedMs),
})

export const userFields = (random: Random, user: User, updatedMs: number): Fields => ({
  user_id: user.id,
  full_name: spellText(random, user.fullName),
  email: user.email,
  phone: user.phone,
  birth_date: user.birthDate,
  address: user.address,
  city: user.home.name,
  country: spellCountry(random, countryOf(user.home)),
  registered_at: spellTime(random, user.registeredMs),
  updated_at: spellTime(random, updatedMs),
})

export const accountFields = (random: Random, user: User, account: Account, updatedMs: number): Fields => ({
  account_id: account.id,
  user_id: user.id,
  type: account.type,
  balance: spellMoney(random, account.balanceCents),
  currency: spellCurrency(random, account.currency),
  status: account.status,
  opened_at: spellTime(random, account.openedMs),
  updated_at: spellTime(random, updatedMs),
})
