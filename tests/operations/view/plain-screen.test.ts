import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { LocalPorts } from '#operations/cli/local-ports.ts'

const memory = '#operations/cli/view/memory.ts'
let rssBytes = 0
// Test files share a process: another may have loaded the screen with the real one, or load it after this.
beforeEach(() => {
  vi.resetModules()
  vi.doMock(memory, () => ({
    measureMemory: async () => {
      rssBytes += 10_000_000
      return { processes: 1, rssBytes, pssBytes: undefined }
    },
  }))
})
afterEach(() => {
  vi.useRealTimers()
  vi.doUnmock(memory)
  vi.resetModules()
})

it('prints how things stand once, for as long as nothing but the memory changes', async () => {
  const { plainScreen } = await import('#operations/cli/view/plain-screen.ts')
  vi.useFakeTimers()
  const ports = {
    kafka: { offsets: async () => ({ records: 0, partitions: [] }), committed: async () => new Map() },
    failures: { async *list() {} },
    warehouse: {
      query: async () => [
        {
          records: '0',
          quarantined: '0',
          duplicates: '0',
          beside: '0',
          through: '0',
          invalid: '0',
          found: '0',
        },
      ],
    },
  } as unknown as LocalPorts
  const endpoints = { kafka: 'k:1', s3: 'http://s:1', lambda: 'http://l:1', postgres: 'postgresql://p:1/d' }
  const lines: string[] = []
  const screen = plainScreen((line) => lines.push(line))
  screen.running({ endpoints, datasets: [], consumerGroups: [] }, ports, '/nowhere')
  await vi.advanceTimersByTimeAsync(60_000)
  await screen.close()

  expect(rssBytes).toBeGreaterThan(50_000_000)
  expect(lines.filter((line) => line.startsWith('bronze'))).toHaveLength(1)
})
