/**
 * Where objects stand in the lake's bucket. All keys are derived, none is random, so that a repetition meets what the
 * first attempt wrote.
 *
 *     bronze/<folder>/partition=<p>/<topic>+<p>+<first offset>.ndjson
 *     bronze/<folder>/file=<SHA-256 of a landed file, 32 digits>/<first line>.ndjson
 *     silver/<folder>/partition=<p>/<topic>+<p>+<first offset>.parquet
 *     quarantine/<dataset>/partition=<p>/<topic>+<p>+<first offset>.ndjson
 *     landing/<dataset>/<name of a file, as somebody put it there>
 *     landed/<dataset>/file=<SHA-256, 32 digits>.json       the content stands in bronze
 *     landed/<dataset>/object=<name and ETag, hashed>.json   so does this object of landing/
 *
 * A rejected record that a person edited comes again as a bronze object of its own, and so does what is made of it:
 *
 *     bronze/<folder>/edited/<name of the object that holds the record, + for />+<its offset>.ndjson
 */
import { createHash } from 'node:crypto'
import type { KafkaRecord } from './kafka-event.ts'

const offsetDigits = 20 // as Kafka names its own segments: keys sort as offsets do

type TopicPartition = Pick<KafkaRecord, 'topic' | 'partition'>

export const bronzePrefix = (folder: string, { topic, partition }: TopicPartition): string =>
  `bronze/${folder}/partition=${partition}/${topic}+${partition}+`

/** `firstOffset` is the first offset that the object holds. */
export const bronzeKey = (folder: string, at: TopicPartition, firstOffset: number): string =>
  `${bronzePrefix(folder, at)}${String(firstOffset).padStart(offsetDigits, '0')}.ndjson`

/** The folder and the rest of a bronze key, or undefined for any other key. */
export const parseBronzeKey = (key: string): { folder: string; name: string } | undefined =>
  parse(/^bronze\/([^/]+)\/(.+)\.ndjson$/, key)

/** The key of an edit of the record at `offset` in the bronze object `name`. A record has at most one. */
export const editedKey = (folder: string, name: string, offset: number): string =>
  `bronze/${folder}/edited/${name.replaceAll('/', '+')}+${offset}.ndjson`

/** Whether an object holds an edited record, or what was made of one, and not what was received. */
export const isEditedKey = (key: string): boolean => /^[^/]+\/[^/]+\/edited\//.test(key)

const fileFolder = (sha256: string): string => `file=${sha256.slice(0, 32)}` // of hex digits

/** Where all that a landed file holds begins in bronze. */
export const landedBronzePrefix = (folder: string, sha256: string): string =>
  `bronze/${folder}/${fileFolder(sha256)}/`

/** `firstLine` is where the first record of the object stands in the file. */
export const landedBronzeKey = (folder: string, sha256: string, firstLine: number): string =>
  `${landedBronzePrefix(folder, sha256)}${String(firstLine).padStart(offsetDigits, '0')}.ndjson`

/** Whether a bronze object, or what was made of it, came out of a landed file. */
export const isLandedKey = (key: string): boolean => key.split('/')[2]?.startsWith('file=') ?? false

export const landingPrefix = (dataset: string): string => `landing/${dataset}/`

/** The folder and the name of a file put under `landing/`; undefined for any other key, and for that of a folder. */
export const parseLandingKey = (key: string): { folder: string; name: string } | undefined =>
  key.endsWith('/') ? undefined : parse(/^landing\/([^/]+)\/(.+)$/, key)

export const landedContentKey = (dataset: string, sha256: string): string =>
  `landed/${dataset}/${fileFolder(sha256)}.json`

export const landedObjectPrefix = (dataset: string): string => `landed/${dataset}/object=`

export const landedObjectKey = (dataset: string, { key, eTag }: { key: string; eTag: string }): string =>
  `${landedObjectPrefix(dataset)}${createHash('sha256').update(`${key} ${eTag}`).digest('hex').slice(0, 32)}.json`

export const silverKey = (folder: string, name: string): string => `silver/${folder}/${name}.parquet`

/** The folder and the rest of a silver key, or undefined for any other key. */
export const parseSilverKey = (key: string): { folder: string; name: string } | undefined =>
  parse(/^silver\/([^/]+)\/(.+)\.parquet$/, key)

export const quarantineKey = (dataset: string, name: string): string => `quarantine/${dataset}/${name}.ndjson`

/** The dataset and the rest of a quarantine key, or undefined for any other key. */
export const parseQuarantineKey = (key: string): { folder: string; name: string } | undefined =>
  parse(/^quarantine\/([^/]+)\/(.+)\.ndjson$/, key)

function parse(pattern: RegExp, key: string): { folder: string; name: string } | undefined {
  const [, folder, name] = pattern.exec(key) ?? []
  return folder !== undefined && name !== undefined ? { folder, name } : undefined
}
