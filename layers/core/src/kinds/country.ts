import codes from 'i18n-iso-countries/codes.json' with { type: 'json' }
import english from 'i18n-iso-countries/langs/en.json' with { type: 'json' }
import { accept, fieldOf, type Kind, reject, type Spellings } from './kind.ts'
import { lookupSql, lowerAscii, lowerAsciiSql } from './strings.ts'

/** Spellings that the English list of names lacks. */
const aliases: Readonly<Record<string, readonly string[]>> = {
  AT: ['Österreich'],
  BA: ['Bosnia'],
  BE: ['België', 'Belgique'],
  BN: ['Brunei'],
  BO: ['Bolivia'],
  BR: ['Brasil'],
  CH: ['Schweiz', 'Suisse', 'Svizzera'],
  CV: ['Cape Verde'],
  DE: ['Deutschland'],
  DK: ['Danmark'],
  ES: ['España'],
  FI: ['Suomi'],
  FM: ['Micronesia'],
  GB: ['U.K.', 'England', 'Scotland', 'Wales', 'Northern Ireland', 'Britain'],
  HK: ['Hong Kong SAR'],
  IE: ['Éire'],
  IT: ['Italia'],
  KP: ['DPRK'],
  LA: ['Laos'],
  MD: ['Moldova'],
  MK: ['Macedonia'],
  MM: ['Burma'],
  MX: ['México'],
  NL: ['Holland', 'Nederland'],
  NO: ['Norge'],
  PL: ['Polska'],
  SE: ['Sverige'],
  SY: ['Syria'],
  SZ: ['Swaziland'],
  TL: ['East Timor'],
  TR: ['Turkiye'],
  VA: ['Vatican', 'Vatican City'],
  VE: ['Venezuela'],
  VN: ['Vietnam'],
}

/** Letter case of ASCII and full stops do not matter: `U.S.` is `us`. */
const fold = (text: string): string => lowerAscii(text).replaceAll('.', '')

const spellings: Spellings = { name: 'countries', entries: buildSpellings() }

const countryKind: Kind<string> = {
  name: 'country',
  wrongType: 'unknown-country',
  duckdbType: 'VARCHAR',
  postgresType: 'text',
  postgresCheck: (column) => `length(${column}) = 2`,
  parse: (value) => {
    const found = typeof value === 'string' ? spellings.entries.get(fold(value)) : undefined
    return found === undefined ? reject('unknown-country') : accept(found)
  },
  sql: ({ isString, text, step }) => ({
    spellings: [spellings],
    steps: [
      [
        'found',
        lookupSql(spellings, `CASE WHEN ${isString} THEN replace(${lowerAsciiSql(text)}, '.', '') END`),
      ],
    ],
    reason: `CASE WHEN ${step('found')} IS NULL THEN 'unknown-country' END`,
    value: step('found'),
  }),
  quick: (text) => ({
    spellings,
    value: lookupSql(
      spellings,
      `CASE WHEN strlen(${text}) <> length(${text}) THEN ${text} WHEN contains(${text}, '.') THEN replace(lower(${text}), '.', '') ELSE lower(${text}) END`,
    ),
  }),
}

/** An ISO 3166-1 alpha-2 code, out of alpha-2, alpha-3, an English name or a usual spelling. */
export const country = fieldOf(countryKind)

/** All that differs beyond ASCII is in the table: capitals, letters without their accents, decomposed accents. */
function buildSpellings(): Map<string, string> {
  const found = new Map<string, string | undefined>() // undefined: two countries claim it ("Congo")
  const add = (spelling: string, code: string) => {
    const folded = fold(spelling)
    found.set(folded, !found.has(folded) || found.get(folded) === code ? code : undefined)
  }
  for (const [alpha2, alpha3] of codes as string[][]) {
    const code = alpha2!
    add(alpha3!, code)
    const names = [
      (english.countries as Record<string, string | string[]>)[code] ?? [],
      aliases[code] ?? [],
    ].flat()
    for (const name of names)
      for (const article of [name, name.replace(/^the /i, ''), `the ${name}`])
        for (const and of [article, article.replaceAll(' and ', ' & '), article.replaceAll('Saint ', 'St ')])
          for (const accents of [and, and.normalize('NFD'), and.normalize('NFD').replace(/\p{Mn}/gu, '')])
            for (const cased of [accents, accents.toUpperCase()]) add(cased, code)
  }
  for (const [alpha2] of codes as string[][]) found.set(fold(alpha2!), alpha2)
  return new Map([...found].filter((entry): entry is [string, string] => entry[1] !== undefined))
}
