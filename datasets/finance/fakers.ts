import type { Faker, FakerOptions } from '@faker-js/faker'
import { faker as cs_CZ } from '@faker-js/faker/locale/cs_CZ'
import { faker as da } from '@faker-js/faker/locale/da'
import { faker as de } from '@faker-js/faker/locale/de'
import { faker as en } from '@faker-js/faker/locale/en'
import { faker as es } from '@faker-js/faker/locale/es'
import { faker as fr } from '@faker-js/faker/locale/fr'
import { faker as it } from '@faker-js/faker/locale/it'
import { faker as ja } from '@faker-js/faker/locale/ja'
import { faker as nb_NO } from '@faker-js/faker/locale/nb_NO'
import { faker as nl } from '@faker-js/faker/locale/nl'
import { faker as pl } from '@faker-js/faker/locale/pl'
import { faker as pt_BR } from '@faker-js/faker/locale/pt_BR'
import { faker as sv } from '@faker-js/faker/locale/sv'
import { makeRandom, type Random } from '../random.ts'

// Locale by locale: the whole package takes half a second to load. Only there is the class exported by its name.
const LocalFaker = en.constructor as new (options: FakerOptions) => Faker
const locales = { cs_CZ, da, de, en, es, fr, it, ja, nb_NO, nl, pl, pt_BR, sv }

/** Where the values of a world come from: numbers of their own, and a faker for each locale with these numbers and this "now". */
export type Source = {
  readonly random: Random
  readonly fakers: Readonly<Record<string, Faker>>
  readonly worldMs: number
}

export function makeSource(seed: number, stream: number, worldMs: number): Source {
  const random = makeRandom(seed, stream)
  const randomizer = { next: random.next, seed: () => {} } // seeded already
  const entries = Object.entries(locales).map(([name, { rawDefinitions }]) => {
    const faker = new LocalFaker({ locale: rawDefinitions, randomizer })
    faker.setDefaultRefDate(worldMs)
    return [name, faker] as const
  })
  return { random, fakers: Object.fromEntries(entries), worldMs }
}

/** Some instant of the days before `timeMs`. */
export const daysBefore = ({ random }: Source, timeMs: number, days: number): number =>
  timeMs - random.below(days * 86_400_000) - 1
