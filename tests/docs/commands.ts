/** A command that a page shows, as a reader would type it. */
export type Command = {
  readonly line: number // of the page, 1-based
  readonly text: string // a shell script
  readonly note: string // of the HTML comment before it, or ''
}

/**
 * All commands of a Markdown page, in order: each `sh` block as one script, and each inline code that begins like a
 * command. A comment directly above a block, `<!-- keeps running -->`, says how it is meant.
 */
export function commandsIn(page: string): readonly Command[] {
  const commands: Command[] = []
  const lines = page.split('\n')
  let note = ''
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at]!
    const fence = /^```(\w*)/.exec(line)
    if (fence) {
      const end = lines.indexOf('```', at + 1)
      if (end < 0) throw new Error(`line ${at + 1}: a block that does not end`)
      if (fence[1] === 'sh') commands.push({ line: at + 1, text: lines.slice(at + 1, end).join('\n'), note })
      at = end
    } else
      for (const [, text] of line.matchAll(/`((?:npm|npx|node|bash|docker) [^`]+)`/g))
        commands.push({ line: at + 1, text: text!, note })
    note = /^<!-- (.+) -->$/.exec(line)?.[1] ?? ''
  }
  return commands
}

/** Whether it runs until Ctrl-C. */
export const isEndless = ({ text, note }: Command): boolean =>
  note === 'keeps running' ||
  /(^|\n|&& )(npm start(?!.*--(transactions|records))|npx serverless offline)/.test(text)
