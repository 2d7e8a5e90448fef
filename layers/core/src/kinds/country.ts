import codes from 'i18n-iso-countries/codes.json' with { type: 'json' }
import danish from 'i18n-iso-countries/langs/da.json' with { type: 'json' }
import german from 'i18n-iso-countries/langs/de.json' with { type: 'json' }
import english from 'i18n-iso-countries/langs/en.json' with { type: 'json' }
import spanish from 'i18n-iso-countries/langs/es.json' with { type: 'json' }
import finnish from 'i18n-iso-countries/langs/fi.json' with { type: 'json' }
import french from 'i18n-iso-countries/langs/fr.json' with { type: 'json' }
import italian from 'i18n-iso-countries/langs/it.json' with { type: 'json' }
import norwegian from 'i18n-iso-countries/langs/nb.json' with { type: 'json' }
import dutch from 'i18n-iso-countries/langs/nl.json' with { type: 'json' }
import polish from 'i18n-iso-countries/langs/pl.json' with { type: 'json' }
import portuguese from 'i18n-iso-countries/langs/pt.json' with { type: 'json' }
import swedish from 'i18n-iso-countries/langs/sv.json' with { type: 'json' }
import turkish from 'i18n-iso-countries/langs/tr.json' with { type: 'json' }
import { accept, between, fieldOf, type Kind, reject } from './kind.ts'
import { beyondAscii, lowerAscii } from './strings.ts'

const others = [
  danish,
  german,
  spanish,
  finnish,
  french,
  italian,
  norwegian,
  dutch,
  polish,
  portuguese,
  swedish,
  turkish,
]

/** Usual names that no list has. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  BA: ['Bosnia'],
  FM: ['Micronesia'],
  GB: ['U.K.', 'England', 'Scotland', 'Wales', 'Northern Ireland', 'Britain'],
  HK: ['Hong Kong SAR'],
  KP: ['DPRK'],
  LA: ['Laos'],
  MD: ['Moldova'],
  MK: ['Macedonia'],
  MM: ['Burma'],
  NL: ['Holland'],
  SY: ['Syria'],
  SZ: ['Swaziland'],
  TL: ['East Timor'],
  TR: ['Turkiye'],
  VA: ['Vatican', 'Vatican City'],
}

/** Letter case of ASCII and full stops do not matter: `U.S.` is `us`. */
const fold = (text: string): string => {
  const lower = lowerAscii(text)
  return lower.includes('.') ? lower.replaceAll('.', '') : lower
}

let spellings: ReadonlyMap<string, string> | undefined // takes some time to make, and few functions ask
function codeOf(spelling: string): string | undefined {
  spellings ??= buildSpellings()
  return spellings.get(fold(spelling))
}

const countryKind: Kind<string> = {
  name: 'country',
  schema: { type: 'string', pattern: '^[A-Z]{2}$' },
  example: (random) => codes[between(random, 0, codes.length - 1)]![0],
  wrongType: 'unknown-country',
  duckdbType: 'VARCHAR',
  postgresType: 'text',
  postgresCheck: (column) => `length(${column}) = 2`,
  parse: (value) => {
    const found = typeof value === 'string' ? codeOf(value) : undefined
    return found === undefined ? reject('unknown-country') : accept(found)
  },
}

/** An ISO 3166-1 alpha-2 code, out of alpha-2, alpha-3, or a name in English or some other languages. */
export const country = fieldOf(countryKind)

/**
 * All that differs beyond ASCII is in the table: capitals, letters without their accents, decomposed accents. What a
 * country is called in other languages counts where it is nothing in English, and one country alone is called so.
 */
function buildSpellings(): Map<string, string> {
  const found = new Map<string, string | undefined>() // undefined: two countries claim it ("Congo")
  for (const [alpha2, alpha3] of codes as string[][]) {
    add(found, alpha3!, alpha2!)
    for (const name of [...namesIn(english, alpha2!), ...(aliases[alpha2!] ?? [])])
      for (const article of [name, name.replace(/^the /i, ''), `the ${name}`])
        for (const and of [article, article.replaceAll(' and ', ' & '), article.replaceAll('Saint ', 'St ')])
          add(found, and, alpha2!)
  }
  const foreign = new Map<string, string | undefined>()
  for (const [alpha2] of codes as string[][])
    for (const language of others) for (const name of namesIn(language, alpha2!)) add(foreign, name, alpha2!)
  for (const [name, code] of foreign) if (!found.has(name)) found.set(name, code)
  for (const [alpha2] of codes as string[][]) found.set(fold(alpha2!), alpha2)
  return new Map([...found].filter((entry): entry is [string, string] => entry[1] !== undefined))
}

function namesIn({ countries }: { countries: object }, code: string): readonly string[] {
  return [(countries as Readonly<Record<string, string | string[]>>)[code] ?? []].flat()
}

function add(table: Map<string, string | undefined>, spelling: string, code: string): void {
  for (const folded of new Set(variantsOf(spelling).map(fold)))
    table.set(folded, !table.has(folded) || table.get(folded) === code ? code : undefined)
}

/** What folding does not make alike: only letters beyond ASCII have accents and capitals that it does not know. */
function variantsOf(spelling: string): readonly string[] {
  const decomposed = spelling.normalize('NFD')
  if (!beyondAscii.test(decomposed)) return [spelling]
  return [spelling, decomposed, decomposed.replace(/\p{Mn}/gu, '')].flatMap((accents) => [
    accents,
    accents.toUpperCase(),
  ])
}
