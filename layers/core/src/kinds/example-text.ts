import { between } from './kind.ts'

const letters = 'abcdefghijklmnopqrstuvwxyz'

/** Letters, as many as a field wants, and not many more. */
export const exampleText = (random: () => number, min: number, max: number): string =>
  Array.from({ length: between(random, min, Math.min(max, min + 8)) }, () => pick(random, letters)).join('')

const pick = (random: () => number, from: string): string => from[between(random, 0, from.length - 1)]!

/** A text that a pattern matches: of literals, classes, `\d`, groups, alternatives and quantifiers, as `text` takes them. */
export function examplePattern(random: () => number, pattern: string): string {
  let at = 0
  const alternatives = (): string => {
    const all = [sequence()]
    while (pattern[at] === '|') {
      at += 1
      all.push(sequence())
    }
    return all[between(random, 0, all.length - 1)]!
  }
  const sequence = (): string => {
    let made = ''
    while (at < pattern.length && pattern[at] !== '|' && pattern[at] !== ')') made += repeated()
    return made
  }
  const repeated = (): string => {
    const start = at
    const first = atom()
    const [quantifier = '', from, , to] = /^(?:\{(\d+)(,(\d*))?\}|[?*+])\??/.exec(pattern.slice(at)) ?? []
    if (quantifier === '') return first
    const end = at + quantifier.length
    const min = from === undefined ? (quantifier.startsWith('+') ? 1 : 0) : Number(from)
    const max =
      to === undefined
        ? from === undefined && !quantifier.startsWith('?')
          ? 3
          : Math.max(min, 1)
        : Number(to || min + 3)
    let made = ''
    for (
      let left = between(random, min, from !== undefined && to === undefined ? min : max);
      left > 0;
      left -= 1
    ) {
      at = start
      made += atom()
    }
    at = end
    return made
  }
  const atom = (): string => {
    if (pattern[at] === '(') {
      at += pattern.startsWith('(?:', at) ? 3 : 1
      const made = alternatives()
      at += 1
      return made
    }
    if (pattern[at] === '[') {
      const end = pattern.indexOf(']', at)
      const members = pattern.slice(at + 1, end)
      at = end + 1
      const isMember = new RegExp(`[${members}]`, 'u')
      return pick(random, printable.filter((character) => isMember.test(character)).join(''))
    }
    if (pattern[at] === '\\') {
      at += 2
      return pattern[at - 1] === 'd' ? pick(random, '0123456789') : pattern[at - 1]!
    }
    at += 1
    return pattern[at - 1]!
  }
  return alternatives()
}

const printable = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index))
