import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

it('launch.json attaches to each function of serverless.yml at the port that --inspect gives it', async () => {
  const serverless = await readFile(join(root, 'serverless.yml'), 'utf8')
  const [, functions = ''] = /^functions:\n(.*?)^\S/ms.exec(serverless) ?? []
  const keys = [...functions.matchAll(/^ {2}(\w+):/gm)].map(([, key]) => key)
  const launch = JSON.parse(await readFile(join(root, '.vscode/launch.json'), 'utf8'))
  const ports = launch.configurations.map(({ name, port }: { name: string; port: number }) => [name, port])
  expect(keys).toContain('detectFraud')
  expect(ports).toEqual(keys.map((key, index) => [key, 9229 + index]))
  expect(launch.compounds).toMatchObject([{ name: 'All functions', configurations: keys }])
})
