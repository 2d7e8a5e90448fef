import { readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Failure } from '#operations/cli/failure.ts'
import type { Quarantine } from '#operations/cli/quarantine/ask.ts'
import { type Console, startConsole } from '#operations/console/server.ts'
import { root } from '../../support/cupel.ts'

const hostile = `</script><img src=x onerror=alert(1)>\u202e"'`
const pages = join(root, 'operations/console')
const asked: object[] = []
const note = (name: string) => async (request: object | string) => {
  asked.push({ [name]: request })
  if (request === 'unknown') throw new Failure('there is no such dataset')
  return { hostile } as never
}
const quarantine: Quarantine = {
  list: note('list'),
  show: note('show'),
  replay: note('replay'),
  edit: note('edit'),
}

describe('the console', () => {
  let page: Console
  beforeAll(async () => {
    const datasets = [{ name: 'users', description: hostile, version: 1 }]
    page = await startConsole({ quarantine, datasets, by: 'jane', pages })
  })
  afterAll(() => page.close())

  const ask = (body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${page.url}ask`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: new URL(page.url).origin, ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  it('serves its page below a token of its own, and nothing anywhere else', async () => {
    const served = await fetch(page.url)
    expect(served.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(served.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'")
    expect(served.headers.get('referrer-policy')).toBe('no-referrer')
    expect(new URL(page.url).hostname).toBe('127.0.0.1')
    expect(page.url).toMatch(/\/[\w-]{32}\/$/)
    const { origin, pathname } = new URL(page.url)
    const other = pathname.replace(/.\/$/, pathname.endsWith('A/') ? 'B/' : 'A/')
    for (const path of [
      '/',
      '/page.js',
      other,
      `${pathname}server.ts`,
      `${pathname}../page.html`,
      `${pathname}a/b`,
    ])
      expect((await fetch(origin + path)).status).toBe(404)
    expect((await fetch(page.url.replace(/.\/$/, '\u00e9/'))).status).toBe(404)
  })

  it('answers no other site, and no name that somebody points at this machine', async () => {
    const list = { action: 'list', dataset: 'users' }
    const refused = [
      await ask(list, { origin: 'https://evil.example' }),
      await ask(list, { origin: 'null' }),
      await ask(list, { 'content-type': 'text/plain' }),
    ]
    expect(refused.map(({ status }) => status)).toEqual([403, 403, 403])
    const { port, pathname } = new URL(page.url)
    const renamed = await new Promise<number | undefined>((resolve) =>
      httpRequest({ port, path: pathname, headers: { host: `evil.example:${port}` } }, (response) =>
        resolve(response.resume().statusCode),
      ).end(),
    )
    expect(renamed).toBe(404)
    expect(asked).toEqual([])
  })

  it('asks what the page asks, signs what is replayed and nothing else, and passes values on as JSON', async () => {
    const edit = { value: '{}' }
    const answers = [
      await ask({ action: 'list', dataset: 'users' }),
      await ask({ action: 'replay', dataset: 'users' }),
      await ask({ action: 'dryRun', dataset: 'users', by: 'john' }),
      await ask({ action: 'replay', dataset: 'users', entry: 'o@1', edit, by: 'john', because: 'why not' }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect(asked.splice(0)).toEqual([
      { list: 'users' },
      { replay: { dataset: 'users', by: 'jane' } },
      { replay: { dataset: 'users', by: undefined } },
      { edit: { dataset: 'users', entry: 'o@1', edit, by: 'john', because: 'why not' } },
    ])
    expect(answers[0]!.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(answers[0]!.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await answers[0]!.json()).toEqual({ hostile })
    expect(await (await ask({ action: 'datasets' })).json()).toMatchObject({ by: 'jane' })
  })

  it('says what was wrong', async () => {
    const unknown = await ask({ action: 'list', dataset: 'unknown' })
    expect([unknown.status, await unknown.json()]).toEqual([400, { problem: 'there is no such dataset' }])
    const broken = await ask('{')
    expect([broken.status, await broken.json()]).toEqual([400, { problem: 'the request is no JSON' }])
  })

  it('has a page that never makes markup of a value', async () => {
    const [html, script] = await Promise.all(
      ['page.html', 'page.js'].map((name) => readFile(join(pages, name), 'utf8')),
    )
    expect(script).not.toMatch(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser/,
    )
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| on\w+=|https?:/)
  })
})
