import {
  base,
  cs_CZ,
  da,
  de,
  en,
  es,
  Faker,
  fr,
  generateMersenne53Randomizer,
  it,
  ja,
  nb_NO,
  nl,
  pl,
  pt_BR,
  sv,
} from '@faker-js/faker'
import { makeRandom, type Random } from './random.ts'

const locales = { cs_CZ, da, de, en, es, fr, it, ja, nb_NO, nl, pl, pt_BR, sv }

/** Where the values of a world come from: numbers of their own, and a faker for each locale with these numbers and this "now". */
export type Source = {
  readonly random: Random
  readonly fakers: Readonly<Record<string, Faker>>
  readonly worldMs: number
}

export function makeSource(seed: number, stream: number, worldMs: number): Source {
  const random = makeRandom(seed, stream)
  const randomizer = generateMersenne53Randomizer(random.below(2 ** 31))
  const entries = Object.entries(locales).map(([name, locale]) => {
    const faker = new Faker({ locale: [locale, en, base], randomizer })
    faker.setDefaultRefDate(worldMs)
    return [name, faker] as const
  })
  return { random, fakers: Object.fromEntries(entries), worldMs }
}

/** Some instant of the days before `timeMs`. */
export const daysBefore = ({ random }: Source, timeMs: number, days: number): number =>
  timeMs - random.below(days * 86_400_000) - 1
