import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { datasets } from '#datasets/index.ts'
import { derivedFiles } from '#operations/datasets/derived.ts'

it.each([...derivedFiles(datasets)])(
  'keeps %s as `npx cupel datasets docs` writes it',
  async (path, text) => {
    expect(await readFile(new URL(`../../../${path}`, import.meta.url), 'utf8')).toBe(text)
  },
)
