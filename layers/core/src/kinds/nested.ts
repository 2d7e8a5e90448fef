/** What lists and objects share: the values in them are judged like fields. */
import { definitionError, type Field } from './kind.ts'

/** Throws where a field has options that only fields of a dataset have. */
export function requirePlain(where: string, { kind, policy, personal, default: given }: Field): void {
  const isPlain = policy === 'quarantine' && typeof personal === 'boolean' && given === undefined
  if (!isPlain || kind.beside !== undefined || kind.name === 'json')
    throw definitionError(
      where,
      'inner fields of other kinds than json, without default, policy, mask, hash and currency field',
      kind.name,
    )
}
