import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { SourceMap, type SourceMapping } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LambdaRuntime, startRuntime } from '#localstack/lambda/runtime.ts'
import { listen } from '#localstack/listen.ts'
import { attachTo, inspectedAt } from '../../support/inspector.ts'

const bootstrap = fileURLToPath(new URL('../../../localstack/lambda/bootstrap.mjs', import.meta.url))
const source = `type Event = { readonly n: number }

/** Twice as much. */
export const handler = async ({ n }: Event): Promise<number> => {
  const twice = n * 2
  return twice
}
`
const timeoutSeconds = 0.3
let taskRoot: string
let port: number
let runtime: LambdaRuntime

beforeAll(async () => {
  taskRoot = await mkdtemp(join(tmpdir(), 'cupel-inspect-'))
  await writeFile(join(taskRoot, 'handler.ts'), source)
  await build({
    entryPoints: [join(taskRoot, 'handler.ts')],
    outfile: join(taskRoot, 'built/handler.mjs'),
    format: 'esm',
    sourcemap: 'linked',
    banner: { js: '// lines of its own\n\n' },
  })
  const probe = createServer()
  port = await listen(probe, 'a probe', 0)
  await new Promise((resolve) => probe.close(resolve))
  runtime = startRuntime({
    functions: [
      {
        name: 'service-dev-f',
        key: 'f',
        handler: 'built/handler.handler',
        timeoutSeconds,
        memoryMb: 256,
        environment: {},
        layers: [],
      },
    ],
    firstInspectorPort: port,
    taskRoot,
    bootstrap,
    variables: {},
    region: 'eu-central-1',
    accountId: '123456789012',
    log: () => {},
  })
})
afterAll(async () => {
  await runtime.close()
  await rm(taskRoot, { recursive: true })
})

async function inspected(before?: string): Promise<string> {
  let id: string | undefined
  await expect
    .poll(
      async () => {
        id = await inspectedAt(port)
        return id !== undefined && id !== before
      },
      { timeout: 10_000, interval: 50 },
    )
    .toBe(true)
  return id!
}

it('stops at a breakpoint in the source for as long as somebody looks, then answers; calls wait, and a reload brings the same port', async () => {
  const generated = await readFile(join(taskRoot, 'built/handler.mjs'), 'utf8')
  const map = new SourceMap(JSON.parse(await readFile(join(taskRoot, 'built/handler.mjs.map'), 'utf8')))
  const lineNumber = generated.split('\n').findIndex((line) => line.includes('twice = n * 2'))
  expect(runtime.inspectorPortOf('f')).toBe(port)

  runtime.reload()
  const first = await inspected()
  const inspector = await attachTo(port, first)
  await inspector.send('Debugger.enable')
  await inspector.send('Debugger.setBreakpointByUrl', { lineNumber, urlRegex: 'built/handler\\.mjs$' })

  const stopped = inspector.next<{
    callFrames: { location: { lineNumber: number; columnNumber: number } }[]
  }>('Debugger.paused')
  const answers = Promise.all([runtime.invoke('f', '{"n":21}'), runtime.invoke('f', '{"n":4}')])
  const { location } = (await stopped).callFrames[0]!
  const { originalSource, originalLine } = map.findEntry(
    location.lineNumber,
    location.columnNumber,
  ) as SourceMapping
  expect(originalSource).toBe('../handler.ts')
  expect(source.split('\n')[originalLine]).toBe('  const twice = n * 2')

  await sleep(timeoutSeconds * 1000 + 200)
  const again = inspector.next('Debugger.paused')
  await inspector.send('Debugger.resume')
  await again
  await inspector.send('Debugger.resume')
  expect((await answers).map(({ payload }) => payload)).toEqual(['42', '8'])

  runtime.reload()
  await inspected(first)
  inspector.close()
  expect((await runtime.invoke('f', '{"n":1}')).payload).toBe('2')
})
