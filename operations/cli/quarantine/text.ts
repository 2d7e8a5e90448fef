import type { Diff } from '#functions/silver/replay/diff.ts'
import type { ListAnswer, ShowAnswer, ShownEntry } from '#functions/silver/replay/look.ts'
import type { DatasetAnswer, EditAnswer } from '#functions/silver/replay/replay.ts'
import { formatTable, plural, printable } from '../look-back/text.ts'
import { showTime } from '../numbers.ts'

/** Quarantine for a person. What senders wrote is made printable, and cut to `width`. */
export function formatList(
  dataset: string,
  { version, entries, edited, acceptedLater, groups }: ListAnswer,
  width?: number,
): string {
  const more = [
    ...(edited > 0 ? [`${plural(edited, 'of them', 'of them')} edited`] : []),
    ...(acceptedLater > 0 ? [`${plural(acceptedLater, 'more', 'more')} accepted by a later version`] : []),
  ]
  const head = `${dataset} (version ${version}): ${[plural(entries, 'entry', 'entries'), ...more].join(', ')}`
  if (groups.length === 0) return head
  const rows = groups.map((group) => [
    group.field ?? '(record)',
    group.reason,
    group.version,
    group.entries,
    group.edited,
    showTime(group.firstMs),
    showTime(group.lastMs),
    group.example.value ?? '',
  ])
  const columns = ['field', 'reason', 'version', 'entries', 'edited', 'first', 'last', 'for example']
  return `${head}\n\n${formatTable(columns, rows, width)}`
}

export function formatEntries({ entries, next }: ShowAnswer, width?: number): string {
  if (entries.length === 0) return 'No entries.'
  const columns = ['entry', 'sent', 'reasons']
  const rows = entries.map((entry) => [
    entry.id,
    sent(entry),
    `${entry.isEdited ? '(edited) ' : ''}${reasonsOf(entry)}`,
  ])
  const raw = entries.flatMap(({ id, raw }) => (raw === undefined ? [] : [`\n${id}\n  ${printable(raw)}`]))
  return [
    formatTable(columns, rows, width),
    ...raw,
    ...(next ? [`\nThere are more: --from '${next}'`] : []),
  ].join('\n')
}

/** One entry, and what was done about it. */
export function formatEntry(entry: ShownEntry): string {
  const { replays, edit, inQuarantine } = entry.history!
  const at = (ms: number) => showTime(ms)
  return [
    `${entry.id}  (${entry.place})`,
    ...(entry.timestampMs === null ? [] : [`  sent      ${sent(entry)}`]),
    ...replays.flatMap(({ version, reasons, replayedVersion, outcome, by, atMs }) => [
      `  rejected  by version ${version}: ${reasonsOf({ reasons })}`,
      `  replayed  ${at(atMs)} by ${printable(by)}: version ${replayedVersion} ${outcome === 'accepted' ? 'accepts it' : 'rejects it too'}`,
    ]),
    ...(inQuarantine ? [`  rejected  by version ${entry.version}: ${reasonsOf(entry)}`] : []),
    ...(edit
      ? [
          `  edited    ${at(edit.atMs)} by ${printable(edit.by)}, because ${printable(edit.because)}: ${edit.outcome} (SHA-256 ${edit.sha256})`,
        ]
      : []),
    ...(entry.raw === undefined ? [] : [`  as sent   ${printable(entry.raw)}`]),
  ].join('\n')
}

export function formatReplay(dataset: string, answer: DatasetAnswer, isDryRun: boolean): string {
  const { version, accepted, rejected, ofThisVersion, diffs, held, failed } = answer
  const all = accepted + rejected
  const verb = isDryRun ? 'would accept' : 'accepts'
  const nothing = isDryRun
    ? `Nothing of ${dataset} is in quarantine.`
    : `Nothing to replay: no entry of ${dataset} is older than version ${version}.`
  return [
    ...(isDryRun ? diffs.map((diff) => `${formatDiff(diff.id, diff, diff.isEdited)}\n`) : []),
    all + held.length + failed.length === 0
      ? nothing
      : `Version ${version} of ${dataset} ${verb} ${plural(accepted, 'entry', 'entries')} of ${plural(all, 'entry', 'entries')}.`,
    ...(isDryRun && diffs.length < all ? [`The diff shows the first ${diffs.length}.`] : []),
    ...(ofThisVersion > 0
      ? [
          `${plural(ofThisVersion, 'of them', 'of them')} were rejected by version ${version} itself: count the version of the dataset up to replay them.`,
        ]
      : []),
    ...held.map(
      ({ object, lost }) =>
        `${printable(object)} stays as it is: the version rejects ${plural(lost, 'record')} that gold has. Make it accept them.`,
    ),
    ...failed.map(({ problem }) => printable(problem)),
  ].join('\n')
}

export function formatEdit(id: string, { outcome, diff, edit }: EditAnswer): string {
  const who = edit
    ? ` by ${printable(edit.by)} at ${showTime(edit.atMs)}, because ${printable(edit.because)}`
    : ''
  const says: Record<EditAnswer['outcome'], string> = {
    'would be accepted': 'The edited record would be accepted.',
    rejected: 'The edited record would still be rejected: nothing is stored.',
    accepted: 'The edited record is accepted.',
    unchanged: `It was edited so before${who}: nothing changes.`,
    taken: `It was edited otherwise before${who}: that stays. What is wrong with it a newer record of its key mends.`,
  }
  return `${formatDiff(id, diff)}\n\n${says[outcome]}`
}

function formatDiff(id: string, { accepted, fields }: Diff, isEdited = false): string {
  const text = (value: string | null) => (value === null ? '–' : printable(value))
  return [
    `${id}  ${accepted ? 'accepted' : 'rejected'}${isEdited ? ', and was edited' : ''}`,
    ...fields.map(({ field, reason, before, after, stillWrong }) => {
      const wrong = reason ? `${reason}: ` : ''
      return `  ${field ?? '(record)'}  ${wrong}${text(before)} → ${stillWrong ?? text(after)}`
    }),
  ].join('\n')
}

const sent = ({ timestampMs }: ShownEntry): string => (timestampMs === null ? '' : showTime(timestampMs))

const reasonsOf = ({ reasons }: Pick<ShownEntry, 'reasons'>): string =>
  reasons
    .map(
      ({ field, reason, value }) =>
        `${field ? `${field} ` : ''}${reason}${value === null ? '' : ` (${value})`}`,
    )
    .map(printable)
    .join(', ')
