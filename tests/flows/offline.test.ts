import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InvokeCommand, type InvokeCommandInput, LambdaClient } from '@aws-sdk/client-lambda'
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { openKafka } from '@cupel/io/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cupel, makeWorkplace, root, type Workplace } from '../support/cupel.ts'
import { type Offline, startOffline } from '../support/offline.ts'
import { serverless } from '../support/serverless.ts'

const account = { region: 'us-east-1', credentials: { accessKeyId: 'any', secretAccessKey: 'any' } }
const event = (name: string) => `tests/fixtures/events/${name}.json`

// One story: the layers are empty until the events by hand.
describe('beside `serverless offline`', () => {
  let workplace: Workplace
  let offline: Offline
  let lambda: LambdaClient
  beforeAll(async () => {
    workplace = await makeWorkplace()
    offline = await startOffline(workplace)
    lambda = new LambdaClient({ ...account, endpoint: offline.endpoints.lambda })
  })
  afterAll(async () => {
    lambda?.destroy()
    await offline?.stop()
    await workplace.remove()
  })

  /** Exit code and output of a `cupel` command that ends by itself. */
  async function outcome(args: readonly string[]) {
    const { exit, output } = cupel(args, workplace.environment)
    return { exitCode: await exit, output: output() }
  }

  /** Exit code of `serverless invoke local`, and what the function answered. */
  async function invokeLocal(functionKey: string, name: string) {
    const { exit, output } = serverless(
      ['invoke', 'local', '-f', functionKey, '--path', event(name)],
      workplace.environment,
    )
    const exitCode = await exit
    const [answer] = /^\{.*^\}$/ms.exec(output()) ?? [] // the function's log lines are around it
    return { exitCode, answer: JSON.parse(answer ?? 'null') }
  }

  async function invoke(input: Partial<InvokeCommandInput> & { event?: unknown }) {
    const { event: content, ...rest } = input
    const Payload = content === undefined ? undefined : JSON.stringify(content)
    const answer = await lambda.send(new InvokeCommand({ FunctionName: 'refine', Payload, ...rest }))
    const text = answer.Payload?.transformToString()
    return { ...answer, body: text ? JSON.parse(text) : undefined }
  }

  const merchantNamed = (id: string) =>
    offline.ports.warehouse.query<{ name: string; country: string }>(
      'SELECT name, country FROM merchants WHERE merchant_id = $1',
      [id],
    )

  it('cupel status shows where everything is, for people and for machines', async () => {
    const [people, machines] = await Promise.all([outcome(['status']), outcome(['status', '--json'])])
    expect([people.exitCode, machines.exitCode]).toEqual([0, 0])
    const { pid } = offline.run.process
    const { kafka, s3, lambda, postgres } = offline.endpoints
    expect(people.output).toMatch(new RegExp(`^state +running since .* process ${pid}$`, 'm'))
    expect(people.output).toContain(`psql ${postgres}\n`)
    const status = JSON.parse(machines.output)
    expect(status).toMatchObject({ running: true, pid, endpoints: { kafka, s3, lambda, postgres } })
    expect(status.datasets).toContainEqual(
      expect.objectContaining({ dataset: 'merchants', kafka: 0, gold: 0 }),
    )
  })

  it('cupel sql, verify and trace work', async () => {
    const [sql, verify, trace] = await Promise.all([
      outcome(['sql', '--json', 'SELECT count(*) AS n FROM silver.users, users']),
      outcome(['verify']),
      outcome(['trace', 'nobody']),
    ])
    expect(sql).toEqual({ exitCode: 0, output: '[\n  {\n    "n": 0\n  }\n]\n' })
    expect(verify).toEqual({ exitCode: 0, output: expect.stringContaining('The layers reconcile') })
    expect(trace).toEqual({
      exitCode: 1,
      output: expect.stringContaining('cupel: no record of transactions has the key nobody'),
    })
  })

  it('cupel reset refuses until it has stopped', async () => {
    const refused = await outcome(['reset'])
    expect(refused.exitCode).toBe(1)
    expect(refused.output).toMatch(
      /^cupel: another local cloud already runs in .* \(process \d+\): stop it first/,
    )
    expect(existsSync(join(workplace.directory, 's3'))).toBe(true)
  })

  it('`serverless invoke local` with a Kafka event puts its records into bronze, silver and gold', async () => {
    expect(await invokeLocal('ingestStream', 'kafka')).toEqual({
      exitCode: 0,
      answer: { objects: 1, records: 3, redelivered: 0 },
    })
    await expect
      .poll(() => merchantNamed('8a7d6c5b-4e3f-4a2b-8c1d-0e9f8a7b6c5d'), { timeout: 15_000 })
      .toEqual([{ name: 'Café Zürich', country: 'CH' }])

    const ledger = 'SELECT records, silver, quarantined FROM ledger WHERE object_key LIKE $1'
    expect(await offline.ports.warehouse.query(ledger, ['%merchant_info+9+%'])).toEqual([
      { records: '3', silver: '2', quarantined: '1' },
    ])
    const { lake } = offline.ports
    const name = 'partition=9/merchant_info+9+00000000000000000000'
    expect(await lake.head(`bronze/merchant-folder/${name}.ndjson`)).toBeDefined()
    expect(await lake.head(`silver/processed-merchants/${name}.parquet`)).toBeDefined()
    expect(await lake.head(`quarantine/merchants/${name}.ndjson`)).toBeDefined()

    // Their S3 events did it already: a second delivery changes nothing.
    for (const [FunctionName, name] of [
      ['refine', 's3-bronze'],
      ['load', 's3-silver'],
    ] as const) {
      const again = JSON.parse(await readFile(join(root, event(name)), 'utf8'))
      expect((await invoke({ FunctionName, event: again })).body).toMatchObject({ objects: 0, skipped: 1 })
    }
  })

  it('`serverless invoke local` exits with 1 when the function fails, and prints its error', async () => {
    expect(await invokeLocal('refine', 'kafka')).toMatchObject({
      exitCode: 1,
      answer: { errorType: 'CupelError', errorMessage: expect.stringContaining('S3 event: expected') },
    })
  })

  it('@aws-sdk/client-lambda gets the answer of a function, by any of its names', async () => {
    const names = [
      'refine',
      'cupel-local-refine',
      'arn:aws:lambda:us-east-1:123456789012:function:cupel-local-refine',
    ]
    for (const FunctionName of names) {
      const { StatusCode, ExecutedVersion, FunctionError, body } = await invoke({
        FunctionName,
        event: { Records: [] },
      })
      expect({ StatusCode, ExecutedVersion, FunctionError }).toEqual({
        StatusCode: 200,
        ExecutedVersion: '$LATEST',
      })
      expect(body).toMatchObject({ objects: 0, skipped: 0 })
    }
  })

  it('@aws-sdk/client-lambda hands an event over without waiting, and asks whether it could', async () => {
    const text = await readFile(join(root, event('kafka')), 'utf8')
    const moved = JSON.parse(text.replaceAll('merchant_info-9', 'merchant_info-7').replaceAll(': 9,', ': 7,'))
    const stored = () =>
      offline.ports.lake.head(
        'bronze/merchant-folder/partition=7/merchant_info+7+00000000000000000000.ndjson',
      )

    const asked = await invoke({ FunctionName: 'ingestStream', InvocationType: 'DryRun', event: moved })
    expect(asked).toMatchObject({ StatusCode: 204, body: undefined })
    expect(await stored()).toBeUndefined()

    const given = await invoke({ FunctionName: 'ingestStream', InvocationType: 'Event', event: moved })
    expect(given).toMatchObject({ StatusCode: 202, body: undefined })
    await expect.poll(stored, { timeout: 15_000 }).toMatchObject({ metadata: { records: '3' } })
  })

  it('@aws-sdk/client-lambda is told of unknown functions and of errors as AWS tells', async () => {
    await expect(invoke({ FunctionName: 'no-such-function' })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: 'Function not found: arn:aws:lambda:us-east-1:123456789012:function:no-such-function',
      $metadata: { httpStatusCode: 404 },
    })
    const failed = await invoke({ event: { not: 'an S3 event' } })
    expect(failed).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' })
    expect(failed.body).toEqual({
      errorType: 'CupelError',
      errorMessage: 'S3 event: expected a list `Records`, got an object with not',
      trace: expect.arrayContaining([expect.stringContaining('CupelError: S3 event: expected')]),
    })
  })

  it('an upload with @aws-sdk/client-s3 triggers refine, and what refine writes triggers load', async () => {
    const value = {
      merchant_id: '5e6f7a8b-1c2d-4e3f-9a0b-c1d2e3f4a5b6',
      name: 'Uploaded & Sons',
      category: 'fuel',
      risk: 'low',
      country: 'Japan',
      city: '大阪',
      updated_at: '2026-02-03T04:05:06Z',
    }
    const line = { topic: 'merchant_info', partition: 8, offset: 0, timestamp: 1_770_091_506_000, key: null }
    const s3 = new S3Client({ ...account, endpoint: offline.endpoints.s3, forcePathStyle: true })
    await s3.send(
      new PutObjectCommand({
        Bucket: 'cupel-lake-local',
        Key: 'bronze/merchant-folder/by hand/merchants & more.ndjson',
        Body: `${JSON.stringify({ ...line, headers: [], format: 'json', value })}\n`,
      }),
    )
    s3.destroy()
    await expect
      .poll(() => merchantNamed(value.merchant_id), { timeout: 15_000 })
      .toEqual([{ name: 'Uploaded & Sons', country: 'JP' }])
  })

  it('`cupel watch` uploads a file that comes into a folder, and its row comes to gold', async () => {
    const drop = await mkdtemp(join(tmpdir(), 'cupel-drop-'))
    const watch = cupel(['watch', drop, '--dataset', 'merchants', '--settle', '0.1'], workplace.environment)
    await watch.until(/Watching /)
    const id = '7b1c2d3e-4f5a-4b6c-8d7e-9f0a1b2c3d4e'
    const row = `${id};"Landed; & Sons";fuel;low;Japan;大阪;2026-02-03T04:05:06Z`
    await writeFile(
      join(drop, 'm.csv'),
      `merchant_id;name;category;risk;country;city;updated_at\r\n${row}\r\n`,
    )
    await expect
      .poll(() => merchantNamed(id), { timeout: 15_000 })
      .toEqual([{ name: 'Landed; & Sons', country: 'JP' }])
    watch.process.kill('SIGINT')
    expect(await watch.exit, watch.output()).toBe(0)
    await rm(drop, { recursive: true })
    expect(watch.output()).toMatch(/m\.csv \(\d+ B\): uploaded\nStopped; uploaded: 1\n$/)
  })

  it('`cupel invoke` and `cupel events replay` run a function with a file, a Kafka batch or an object', async () => {
    const answerOf = async (...args: string[]) => {
      const { exit, output } = cupel(args, workplace.environment)
      const exitCode = await exit
      return { exitCode, output: output(), answer: () => JSON.parse(output()) }
    }
    const byFile = await answerOf('invoke', 'refine', '--event', event('s3-bronze'))
    expect(byFile.exitCode, byFile.output).toBe(0)
    expect(byFile.answer()).toMatchObject({ objects: 0, skipped: 1 })
    expect(await answerOf('invoke', 'refine', '--event', event('kafka'))).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining('"errorType": "CupelError"'),
    })

    const kafka = openKafka(offline.endpoints.kafka)
    const values = ['{"a":1}', '{"a":2}', '{"a":3}']
    const headers = { trace: Buffer.from('x') }
    await kafka.produce(
      values.map((value) => ({ topic: 'merchant_info', key: 'k', value: Buffer.from(value), headers })),
    )
    await kafka.close()
    const replay = (...args: string[]) => answerOf('events', 'replay', ...args, '--function', 'ingestStream')
    const printed = await replay('merchant_info-0@1-2', '--print')
    expect(printed.exitCode, printed.output).toBe(0)
    const { eventSource, records } = printed.answer()
    expect(eventSource).toBe('aws:kafka')
    expect(records['merchant_info-0']).toMatchObject(
      [1, 2].map((offset) => ({
        offset,
        value: Buffer.from(values[offset]!).toString('base64'),
        headers: [{ trace: [120] }],
      })),
    )
    const replayed = await replay('merchant_info-0@1-2')
    // The event source may have come first, or not.
    const { records: added, redelivered } = replayed.answer()
    expect(added + redelivered, replayed.output).toBe(2)
    expect(await replay('merchant_info-0@1-3')).toMatchObject({
      exitCode: 1,
      output: expect.stringContaining('merchant_info-0 has the offsets from 0 to 2'),
    })

    const object = 's3://cupel-lake-local/bronze/merchant-folder/by hand/merchants & more.ndjson'
    const again = await answerOf('events', 'replay', object, '--function', 'refine')
    expect(again.exitCode, again.output).toBe(0)
    expect(again.answer()).toMatchObject({ skipped: 1 })
  })

  it('the next start goes on with what was left half-way', async () => {
    const Key = 'silver/processed-merchants/partition=9/merchant_info+9+00000000000000000000.parquet'
    const s3 = new S3Client({ ...account, endpoint: offline.endpoints.s3, forcePathStyle: true })
    await s3.send(new DeleteObjectCommand({ Bucket: 'cupel-lake-local', Key }))
    s3.destroy()
    await offline.stop()
    offline = await startOffline(workplace)
    await expect.poll(() => offline.ports.lake.head(Key), { timeout: 15_000 }).toBeDefined()
  })

  it('SIGINT stops it in order, with nothing left running', async () => {
    const printed = offline.run.output().length
    expect(await offline.stop(), offline.run.output()).toBe(0)
    expect(offline.run.output().slice(printed)).not.toMatch(/error|unhandled|did not stop/i)
    await expect(readFile(join(workplace.directory, 'endpoints.json'))).rejects.toThrow('ENOENT')
    await expect(readFile(join(workplace.directory, 'postgres/data/postmaster.pid'))).rejects.toThrow(
      'ENOENT',
    )
  })

  it('`serverless invoke local` says so when no local cloud runs', async () => {
    const { exit, output } = serverless(
      ['invoke', 'local', '-f', 'refine', '--data', '{"Records":[]}'],
      workplace.environment,
    )
    expect(await exit, output()).toBe(0)
    expect(output()).toContain(`no local cloud runs in ${workplace.directory}`)
  })

  it('cupel reset deletes all of it then', async () => {
    expect(await outcome(['reset'])).toEqual({ exitCode: 0, output: `Deleted ${workplace.directory}\n` })
    expect(existsSync(workplace.directory)).toBe(false)
  })
})
