import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { buildAll } from '../build.ts'
import { Failure } from './failure.ts'
import type { TraceCommandOptions } from './look-back/trace-command.ts'
import type { QuarantineOptions } from './quarantine/commands.ts'
import type { StreamCommandOptions } from './stream/stream-command.ts'
import type { WatchCommandOptions } from './watch-folder/command.ts'

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
  const json = (what = 'one JSON document') => new Option('--json', `${what} on stdout, for machines`)
  const services = (compose: string) =>
    new Option('--services <which>', `Kafka, S3 and PostgreSQL: embedded ones, or compose: ${compose}`)
      .choices(['embedded', 'compose'])
      .default('embedded')

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
      'run everything on this machine: Kafka, S3, PostgreSQL, the functions, and what brings records',
    )
    .option('--pipeline <name>', 'which of datasets/pipelines.ts, or all (default: finance)')
    .addOption(
      new Option(
        '--records <n>',
        'stop and reconcile after this many records of each (default: until Ctrl-C)',
      )
        .argParser(count)
        .conflicts('transactions'),
    )
    .option('--transactions <n>', 'the same, of finance: other records come on top', count)
    .option(
      '--users <n>',
      'how many users pay (default: 500 until Ctrl-C, else one for 40 transactions)',
      count,
    )
    .option('--rate <n>', 'so many a second (default: 100 until Ctrl-C, else as fast as it goes)', count)
    .option('--speed <n>', 'simulated days a minute: days are busy then, and nights quiet', positive)
    .option('--dirt <percent>', 'records that are broken (default: 1)', percent)
    .option('--fraud <percent>', 'transactions that are fraud (default: 1.5)', percent)
    .option('--seed <n>', 'seed of the generator: the same seed gives the same records (default: 7)', count)
    .addOption(
      new Option('--no-generator', 'only the services and the functions: produce records yourself').conflicts(
        ['pipeline', 'records', 'transactions', 'users', 'rate', 'speed', 'dirt', 'fraud', 'seed'],
      ),
    )
    .option('--plain', 'lines for a log instead of a live view (as it is where there is no terminal)')
    .addOption(services('start them in containers (docker compose)'))
    .addOption(json('a JSON document a line').conflicts('plain'))
    .addOption(
      new Option(
        '--inspect [port]',
        'one inspector a function, from this port (9229) upwards; nothing times out',
      )
        .preset('9229')
        .argParser(count),
    )
    .action(run(async () => (await import('./start.ts')).runStart))
  program
    .command('stream')
    .description(
      'send the rows of a CSV file, or JSON lines, into a topic, each once; goes on where an earlier run ended',
    )
    .argument('<file>', 'CSV with a header, or JSON lines')
    .requiredOption('--topic <name>', 'where to')
    .option('--delay <duration>', 'after each row: 200ms, 1s, 0', duration, 200)
    .option('--restart', 'from the first row, also when rows were sent before')
    .action(async (file: string, options: StreamCommandOptions) => {
      const { runStream } = await import('./stream/stream-command.ts')
      exitCode = await runStream(root, file, options)
    })
  program
    .command('status')
    .description('what runs, where, what each stage holds, and what went wrong lately')
    .addOption(json())
    .action(run(async () => (await import('./look-back/status-command.ts')).runStatus))
  program
    .command('verify')
    .description('check on the data at hand that the layers agree, and name what is missing')
    .option('--full', 'compare gold with silver row by row, however much there is')
    .addOption(json())
    .addHelpText('after', verifyHelp)
    .action(run(async () => (await import('./look-back/verify-command.ts')).runVerify))
  program
    .command('test')
    .description("check what the datasets' files say must hold of their tables")
    .argument('[name]', 'a pipeline or a dataset (default: all)')
    .addOption(json())
    .action(async (name: string | undefined, options: { json?: boolean }) => {
      const { runDataTests } = await import('./look-back/data-tests-command.ts')
      exitCode = await runDataTests(root, name, options)
    })
  program
    .command('trace')
    .description('the life of one record: Kafka, bronze, silver or quarantine, gold, decision and alert')
    .argument('[key]', 'a transaction id, or the key of another dataset; default: the latest fraud')
    .option('--dataset <name>', 'the dataset whose key it is', 'transactions')
    .option('--scan', 'search all of bronze for repetitions, however large it is')
    .addOption(json())
    .addHelpText('after', traceHelp)
    .action(async (key: string | undefined, options: TraceCommandOptions) => {
      const { runTrace } = await import('./look-back/trace-command.ts')
      exitCode = await runTrace(root, key, options)
    })
  program
    .command('sql')
    .description('ask the layers, read-only: gold in PostgreSQL, bronze, silver and quarantine in DuckDB')
    .argument('[query]', 'one query; without it, the tables are listed')
    .option('--limit <n>', 'show at most this many rows', count, 100)
    .addOption(json())
    .addHelpText('after', sqlHelp)
    .action(async (query: string | undefined, options: { limit: number; json?: boolean }) => {
      const { runSql } = await import('./look-back/sql.ts')
      exitCode = await runSql(root, query, options)
    })
  const quarantine = program
    .command('quarantine')
    .description('records that were rejected: why, and how to bring them back')
    .addHelpText('after', quarantineHelp)
  const raw = () => new Option('--raw', 'show values as they were sent, personal ones too')
  const by = () => new Option('--by <name>', 'who does it, for the history (default: your account)')
  const edited = (command: Command) =>
    command
      .option(
        '--set <field=text>',
        'a new text in a field; field:=JSON for other values; repeatable',
        collect,
      )
      .option('--value <file>', 'the whole record anew, as JSON; - reads stdin')
  quarantine
    .command('list')
    .description('reasons, with counts')
    .argument('[dataset]', 'its name (default: all)')
    .addOption(json())
    .action(async (dataset: string | undefined, options: QuarantineOptions) => {
      exitCode = await (await import('./quarantine/commands.ts')).runList(root, dataset, options)
    })
  quarantine
    .command('show')
    .description('entries; or one, with its history')
    .argument('<dataset>', 'its name')
    .argument('[entry]', 'as listed')
    .option('--field <name>', 'only entries with something wrong in this field')
    .option('--reason <code>', 'only entries with this reason')
    .option('--limit <n>', 'at most this many', count, 20)
    .option('--from <entry>', 'those behind this one')
    .addOption(raw())
    .addOption(json())
    .action(async (dataset: string, entry: string | undefined, options: QuarantineOptions) => {
      exitCode = await (await import('./quarantine/commands.ts')).runShow(root, dataset, entry, options)
    })
  edited(
    quarantine
      .command('diff')
      .description(
        'what the dataset as it is now, or an edit of an entry, would make of them; writes nothing',
      )
      .argument('<dataset>', 'its name')
      .argument('[entry]', 'to edit'),
  )
    .addOption(raw())
    .addOption(json())
    .action(async (dataset: string, entry: string | undefined, options: QuarantineOptions) => {
      exitCode = await (await import('./quarantine/commands.ts')).runDiff(root, dataset, entry, options)
    })
  edited(
    quarantine
      .command('edit')
      .description('put an edited record into the place of a rejected one')
      .argument('<dataset>', 'its name')
      .argument('<entry>', 'as listed'),
  )
    .requiredOption('--because <why>', 'why, for the history')
    .addOption(by())
    .addOption(raw())
    .addOption(json())
    .action(async (dataset: string, entry: string, options: QuarantineOptions) => {
      exitCode = await (await import('./quarantine/commands.ts')).runEdit(root, dataset, entry, options)
    })
  quarantine
    .command('replay')
    .description('refine again what an older version of the dataset rejected')
    .argument('<dataset>', 'its name')
    .addOption(by())
    .addOption(json())
    .action(async (dataset: string, options: QuarantineOptions) => {
      exitCode = await (await import('./quarantine/commands.ts')).runReplay(root, dataset, options)
    })
  program
    .command('console')
    .description('a page on this machine that does what quarantine does')
    .action(run(async () => (await import('./quarantine/console.ts')).runConsole))
  program
    .command('invoke')
    .description('run a function of the running local cloud with an event, and print its answer')
    .argument('<function>', 'its name in serverless.yml')
    .option('--event <file>', 'the event as JSON; - reads stdin (default: {})')
    .action(async (name: string, options: { event?: string }) => {
      const { runInvoke } = await import('./events/invoke.ts')
      exitCode = await runInvoke(root, name, options)
    })
  program
    .command('events')
    .description('past events')
    .command('replay')
    .description('give a function a past Kafka batch or S3 event once more')
    .argument('<address>', '<topic>-<partition>@<first offset>-<last offset>, or s3://<bucket>/<key>')
    .requiredOption('--function <name>', 'its name in serverless.yml')
    .option('--print', 'print the event instead')
    .addHelpText('after', replayHelp)
    .action(async (address: string, options: { function: string; print?: boolean }) => {
      const { runReplay } = await import('./events/replay.ts')
      exitCode = await runReplay(root, address, options)
    })
  const datasets = program
    .command('datasets')
    .description('what is derived from the dataset files, and new ones')
  datasets
    .command('new')
    .description('write a dataset and a pipeline from a sample of its records; doubts are marked')
    .argument('<name>', 'of dataset, topic and table')
    .requiredOption('--from <sample>', 'CSV with a header, or JSON lines')
    .action(async (name: string, options: { from: string }) => {
      const { runDatasetsNew } = await import('../datasets/new-dataset.ts')
      exitCode = await runDatasetsNew(root, name, options)
    })
  datasets
    .command('docs')
    .description('write docs/datasets/ and the sources of dbt anew')
    .action(run(async () => (await import('./datasets-command.ts')).runDatasetsDocs))
  program
    .command('dbt')
    .description('build and test the dbt project of warehouse/dbt on gold; installs dbt when first used')
    .argument('[arguments...]', "dbt's own", ['build'])
    .allowUnknownOption()
    .action(async (args: string[]) => {
      const { runDbt } = await import('./dbt-command.ts')
      exitCode = await runDbt(root, args)
    })
  program
    .command('watch')
    .description('upload what comes into a folder to landing/, whence it is refined, until Ctrl-C')
    .argument('<folder>', 'files in a folder that is called as a dataset is, or in such folders within it')
    .option('--dataset <name>', 'the dataset of all files, whatever the folder is called')
    .option('--bucket <name>', 'the bucket of the lake, where it is not the local one')
    .option('--settle <seconds>', 'a file is complete when it has not changed for so long', positive, 2)
    .addHelpText('after', watchHelp)
    .action(async (folder: string, options: WatchCommandOptions) => {
      const { runWatch } = await import('./watch-folder/command.ts')
      exitCode = await runWatch(root, folder, options)
    })
  program
    .command('reset')
    .description('delete all local data (.cupel/)')
    .addOption(services('delete the containers and their volumes too'))
    .action(run(async () => (await import('./reset.ts')).runReset))
  program
    .command('build')
    .description('build functions and layers into .build/, as they are deployed')
    .action(run(async () => runBuild))
  program
    .command('migrate')
    .description(
      'apply the numbered files of warehouse/migrations to DATABASE_URL, and check it against the datasets',
    )
    .option('--follow', 'make what the files do not say yet, as on your own machine')
    .action(run(async () => (await import('./migrate-command.ts')).runMigrate))
  program
    .command('report')
    .description('summaries as a person reads them')
    .command('purchases')
    .description('a month of purchases by store and category, beside the month before')
    .option('--month <month>', 'for example 2026-10')
    .addOption(
      new Option('--chart <file>', 'where the chart goes (SVG; default: beside the data)').conflicts('map'),
    )
    .option('--map <csv>', 'a trial instead: the monthly sums of any file of retail lines; stores nothing')
    .option('--columns <mapping>', `of the trial: "receipt=Invoice, item=Description, currency='GBP'"`)
    .addOption(
      new Option('--dates <order>', 'of the trial: how 12/1/2010 8:26 is read').choices([
        'day-first',
        'month-first',
      ]),
    )
    .action(run(async () => (await import('./purchases/report-command.ts')).runPurchasesReport))
  program
    .command('migrations')
    .description('the numbered files of warehouse/migrations')
    .command('new')
    .description('write the next one from what the datasets want and the files do not say')
    .argument('[name]', 'behind its number')
    .action(async (name: string | undefined) => {
      const { runMigrationsNew } = await import('./migrations-command.ts')
      exitCode = await runMigrationsNew(root, name)
    })

  // Who read may have seen enough: `| head`.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
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

const verifyHelp = `
Compares offsets, counts and keys of the layers (guarantees G1 to G4 and G9 of the README), and gold with silver row by row where
a dataset has no more than 100 MB of silver. Exit code 0 when they agree, 1 when they do not. Where nothing runs, records
that Ctrl-C left half-way are told apart: the next npm start finishes them. While a local cloud runs, what is missing for a
moment is no problem, what is missing for 20 s is one.
`

const traceHelp = `
A key that never came to gold, because its record was rejected, is searched for in bronze, also when it is malformed.

  cupel trace
  cupel trace 527c660e-7071-441c-b092-14e2fa395781
  cupel trace 49dea814-a21f-4bd7-a7ab-782390c774aa --dataset users
`

const replayHelp = `
Consumer groups stay where they are. What was settled before is recognized: functions skip or overwrite it, nothing doubles.

  cupel events replay transactions-0@100-199 --function ingestStream
  cupel events replay s3://cupel-lake-local/bronze/<folder>/<object>.ndjson --function refine
`

const watchHelp = `
Hidden files and those that are called *.part, *.tmp or the like are left alone: who writes slowly gives a file its name
when it is whole. What was uploaded before, under any name, is not uploaded again. docs/guide/files.md says what is taken.

  cupel watch drop --dataset merchants
  cupel watch drop             files in drop/merchants/
`

const quarantineHelp = `
  cupel quarantine list
  cupel quarantine show transactions --field amount
  cupel quarantine diff transactions
  cupel quarantine edit transactions 'partition=0/<object>@17' --set amount=12.50 --because 'the terminal sent none'
  cupel quarantine replay transactions
`

const sqlHelp = `
Names without a schema are tables of gold; bronze.<dataset>, silver.<dataset> and quarantine.<dataset> are in the lake.
A query that names both sees copies of the gold tables. Times are UTC; --json keeps decimals exact, as text.

  cupel sql "select verdict, count(*) from fraud_decisions group by verdict"
  cupel sql "select currency, sum(amount) from silver.transactions group by all order by 2 desc"
  cupel sql "select r.field, r.reason, count(*) from quarantine.transactions, unnest(reasons) as t(r) group by all"
  cupel sql --json "select * from silver.transactions anti join transactions using (transaction_id)"
`

async function runBuild(root: string): Promise<number> {
  await buildAll(root)
  return 0
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

function count(text: string): number {
  if (!/^\d{1,12}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Expected a whole number from 1.')
  return Number(text)
}

/** In milliseconds. */
function duration(text: string): number {
  const [, amount, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m)$/.exec(text) ?? []
  if (text !== '0' && !unit) throw new InvalidArgumentError('Expected 0, or a time like 200ms, 1.5s or 1m.')
  return Number(amount ?? 0) * { ms: 1, s: 1_000, m: 60_000 }[(unit ?? 'ms') as 'ms' | 's' | 'm']
}

function positive(text: string): number {
  if (!/^\d{1,6}(\.\d{1,6})?$/.test(text) || Number(text) === 0)
    throw new InvalidArgumentError('Expected a number above 0.')
  return Number(text)
}

function percent(text: string): number {
  if (!/^\d{1,3}(\.\d{1,6})?$/.test(text) || Number(text) > 100)
    throw new InvalidArgumentError('Expected a number from 0 to 100.')
  return Number(text)
}
