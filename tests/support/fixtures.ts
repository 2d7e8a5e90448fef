import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'

/** JSON that AWS or MinIO sent somebody. It stands beside the repository on some machines; elsewhere the test skips. */
// biome-ignore lint/suspicious/noExplicitAny: each test knows what is in its own
export function recorded(name: string, { skip }: Pick<TestContext, 'skip'>): any {
  const file = join(import.meta.dirname, '../../../shared/fixtures', name)
  if (!existsSync(file)) skip(`${name} is not on this machine`)
  return JSON.parse(readFileSync(file, 'utf8'))
}
