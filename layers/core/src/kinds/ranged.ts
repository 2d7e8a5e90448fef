import { definitionError, type Kind, reject } from './kind.ts'

export type Range = { readonly min?: string; readonly max?: string } // inclusive, as the kind writes its values

/** A kind whose values, text that sorts as they do, are out of range beyond these bounds. */
export function ranged(kind: Kind<string>, { min, max }: Range): Kind<string> {
  if (min === undefined && max === undefined) return kind
  const bound = (given: string | undefined): string | undefined => {
    if (given === undefined) return undefined
    const parsed = kind.parse(given, {})
    if (!parsed.ok) throw definitionError(kind.name, 'bounds that the kind takes', given)
    return parsed.value
  }
  const [from, to] = [bound(min), bound(max)]
  if (from !== undefined && to !== undefined && from > to)
    throw definitionError(kind.name, 'bounds min <= max', { min, max })
  const { isCanonical, ...others } = kind // it would have to know of the bounds
  return {
    ...others,
    parse: (value, context) => {
      const parsed = kind.parse(value, context)
      const isOut = parsed.ok && ((from ?? '') > parsed.value || (to !== undefined && parsed.value > to))
      return isOut ? reject('out-of-range') : parsed
    },
    example: (random) => {
      const span = [
        Date.parse(from ?? '2001-09-09T00:00:00Z'),
        Date.parse(to ?? '2023-11-14T00:00:00Z'),
      ] as const
      const low = to === undefined ? span[0] : Math.min(span[0], span[1])
      const high = from === undefined ? span[1] : Math.max(span[0], span[1])
      const at = new Date(low + Math.floor(random() * (high - low))).toISOString()
      return kind.name === 'date' ? at.slice(0, 10) : at
    },
  }
}
