import type { Behaviour } from './behaviours.ts'

/** How many tests of a number passed and failed; skipped ones show nothing. */
export type Shown = { readonly passed: number; readonly failed: number }

/** Markdown: what AWS does, what the local cloud does, and the page. */
export function fidelityTable(
  behaviours: readonly (Behaviour & { readonly part: string })[],
  shown: ReadonlyMap<number, Shown>,
): string {
  const lines = behaviours.flatMap((behaviour, index) => {
    const { number, part, aws, page } = behaviour
    const heading = behaviours[index - 1]?.part === part ? [] : [`| | **${part}** | | |`]
    return [
      ...heading,
      `| ${number} | ${aws} | ${statusOf(behaviour, shown.get(number))} | [page](${page}) |`,
    ]
  })
  return ['| | On AWS | Here | |', '|---|---|---|---|', ...lines].join('\n')
}

export function statusOf({ differs, missing }: Behaviour, shown?: Shown): string {
  if (shown && shown.failed > 0) return 'fails'
  if (!shown || shown.passed === 0) return missing === undefined ? 'not tested yet' : `no: ${missing}`
  return differs === undefined ? 'same' : `same, but ${differs}`
}

const [begin, end] = ['<!-- fidelity -->', '<!-- /fidelity -->']

/** The text between the markers. */
export function tableIn(readme: string): string {
  const [from, to] = [readme.indexOf(begin), readme.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`README has no ${begin} … ${end}`)
  return readme.slice(from + begin.length, to).trim()
}

export const withTable = (readme: string, table: string): string =>
  readme.replace(`${begin}\n${tableIn(readme)}\n${end}`, `${begin}\n${table}\n${end}`)
