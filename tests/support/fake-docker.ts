import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** What a fake `docker` does when it is called with arguments that begin so. */
export type Answer = { readonly stdout?: string; readonly stderr?: string; readonly exitCode?: number }

/**
 * A program named docker, first on the PATH that it gives, which starts nothing: it answers by the first of `answers`
 * whose words all stand in its arguments, and keeps the arguments of each call.
 */
export async function fakeDocker(directory: string, answers: Readonly<Record<string, Answer>>) {
  await mkdir(directory, { recursive: true })
  const calls = join(directory, 'calls')
  const program = `#!${process.execPath}
const { appendFileSync, writeSync } = require('node:fs')
const args = process.argv.slice(2)
appendFileSync(${JSON.stringify(calls)}, args.join(' ') + '\\n')
const answers = ${JSON.stringify(Object.entries(answers))}
const [, answer] = answers.find(([words]) => words.split(' ').every((word) => args.includes(word))) ?? [, {}]
writeSync(1, answer.stdout ?? '')
writeSync(2, answer.stderr ?? '')
process.exitCode = answer.exitCode ?? 0
`
  await writeFile(join(directory, 'docker'), program)
  await chmod(join(directory, 'docker'), 0o755)
  return {
    path: `${directory}${delimiter}${process.env.PATH}`,
    calls: async () => (await readFile(calls, 'utf8')).trimEnd().split('\n'),
  }
}
