import { dataset, type RowOf } from '@cupel/core/dataset'
import { country, date, email, phone, text, timestamp, uuid } from '@cupel/core/kinds'

/** Who holds accounts, as each user last described themselves. */
export const users = dataset({
  name: 'users',
  description: 'User profiles: who holds accounts, as each user last described themselves.',
  topic: 'user_profiles',
  bronzeFolder: 'profiles-folder',
  silverFolder: 'processed-profiles',
  table: 'users',
  version: 1,
  key: 'user_id',
  orderBy: 'updated_at',
  fields: {
    user_id: uuid('The user, for ever.'),
    full_name: text('Name as the user writes it.', { max: 200, personal: true }),
    email: email('Where we write to.', { personal: true }),
    phone: phone('Where we call, with country code.', { personal: true }),
    birth_date: date('Day of birth.', { personal: true }),
    address: text('Street and house number, one line or several.', { max: 500, personal: true }),
    city: text('City of residence.', { max: 200 }),
    country: country('Country of residence.'),
    registered_at: timestamp('When the user first signed up.'),
    updated_at: timestamp('When the profile last changed.'),
  },
})

export type User = RowOf<typeof users>
