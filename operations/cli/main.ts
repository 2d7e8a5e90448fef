import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { buildAll } from '../build.ts'
import { Failure } from './failure.ts'

/**
 * The `cupel` command. Exit codes: 0 done, 1 failed (the last line on stderr says what to do), 2 called wrongly,
 * 130 interrupted before there was a result.
 */
export async function main(argv: readonly string[], root: string): Promise<number> {
  let exitCode = 0
  const run =
    <Options>(load: () => Promise<(root: string, options: Options) => Promise<number>>) =>
    async (options: Options) => {
      const command = await load() // with the libraries that it needs, and no others
      exitCode = await command(root, options)
    }
  const json = () => new Option('--json', 'one JSON document on stdout, for machines')

  const program = new Command('cupel')
    .description(
      'Refines events from bronze to gold and catches fraud on the way, on this machine or in AWS.',
    )
    .exitOverride()
    .showHelpAfterError('(cupel <command> --help lists what there is)')
    .configureHelp({ showGlobalOptions: true })

  program
    .command('start')
    .description(
      'run everything on this machine: Kafka, S3, PostgreSQL, the functions, and the finance generator',
    )
    .option(
      '--transactions <n>',
      'stop and reconcile after this many transactions (default: until Ctrl-C)',
      count,
    )
    .option('--rate <n>', 'transactions a second (default: 100 until Ctrl-C, else as fast as it goes)', count)
    .option('--seed <n>', 'seed of the generator: the same seed gives the same records', count, 7)
    .addOption(json())
    .action(run(async () => (await import('./start.ts')).runStart))
  program
    .command('status')
    .description('what runs, and what each stage holds')
    .addOption(json())
    .action(run(async () => (await import('./status.ts')).runStatus))
  program
    .command('reset')
    .description('delete all local data (.cupel/)')
    .action(run(async () => (await import('./reset.ts')).runReset))
  program
    .command('build')
    .description('build functions and layers into .build/, as they are deployed')
    .action(run(async () => runBuild))
  program
    .command('migrate')
    .description('bring the database at DATABASE_URL up to date')
    .action(run(async () => (await import('./migrate-command.ts')).runMigrate))

  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // it has said why
    console.error(`cupel: ${error instanceof Error ? error.message : error}`)
    if (!(error instanceof Failure) && process.env.CUPEL_DEBUG) console.error(error)
    return error instanceof Failure ? error.exitCode : 1
  }
}

async function runBuild(root: string): Promise<number> {
  await buildAll(root)
  return 0
}

function count(text: string): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Expected a whole number from 1.')
  return Number(text)
}
