import { describe, expect, it } from 'vitest'
import { type MonitorPorts, makeMeasure, startMonitor } from '#operations/cli/view/monitor.ts'

const datasets = ['users', 'transactions']
const groups = [
  { groupId: 'a', topic: 'users', functionKey: 'ingestStream' },
  { groupId: 'b', topic: 'transactions', functionKey: 'ingestStream' },
  { groupId: 'c', topic: 'transactions', functionKey: 'detectFraud' },
]
const offsets = {
  users: [{ partition: 0, start: 0, end: 10 }],
  transactions: [
    { partition: 0, start: 40, end: 100 }, // 40 were let go
    { partition: 1, start: 0, end: 5 },
  ],
}
const committed: Record<string, [number, number][]> = { a: [[0, 8]], b: [[0, 100]], c: [[0, 30]] }

function world(beside = '0') {
  const asked: string[] = []
  const ports = {
    kafka: {
      offsets: async (topic: keyof typeof offsets) => ({ records: 0, partitions: offsets[topic] }),
      committed: async (groupId: string) => new Map(committed[groupId]),
    },
    failures: { async *list() {} },
    warehouse: {
      query: async (sql: string) => {
        asked.push(sql)
        return sql.includes('ledger')
          ? [{ records: '7', quarantined: '1', duplicates: '2', beside }]
          : [{ through: '30', duplicates: '3', found: '12' }]
      },
    },
  } as unknown as MonitorPorts
  return { asked, ports }
}

describe('a measurement', () => {
  it('is of all topics and partitions, those without a commit too', async () => {
    expect(await makeMeasure(world().ports, { datasets, consumerGroups: groups })()).toMatchObject({
      bronze: { through: 108, lag: 2 + 0 + 5 },
      fraud: { through: 30, lag: 60 + 5, duplicates: 3, found: 12 },
      ledger: { records: 7, quarantined: 1, duplicates: 2 },
      tooLarge: 0,
    })
  })

  it('is of what came in files too, which no offset counts', async () => {
    const { ports } = world('4')
    const files = await makeMeasure(ports, { datasets: ['shop_events'], consumerGroups: [] })()
    expect(files.bronze).toEqual({ through: 4, lag: 0 })
    expect((await makeMeasure(ports, { datasets, consumerGroups: groups })()).bronze.through).toBe(112)
  })

  it('does not look for frauds where nothing is decided', async () => {
    const { asked, ports } = world()
    expect(
      (await makeMeasure(ports, { datasets, consumerGroups: groups.slice(0, 1) })()).fraud,
    ).toBeUndefined()
    expect(asked.filter((sql) => sql.includes('fraud'))).toEqual([])
  })

  it('counts frauds once, however often it measures', async () => {
    const { asked, ports } = world()
    const measure = makeMeasure(ports, { datasets, consumerGroups: groups })
    for (let n = 0; n < 5; n++) await measure()
    expect(asked.filter((sql) => sql.includes('fraud_decisions'))).toHaveLength(1)
  })
})

it('measures again after a failure', async () => {
  const { ports } = world()
  let failures = 1
  const flaky = {
    ...ports,
    warehouse: {
      query: async (sql: string) => {
        if (failures-- > 0) throw new Error('the database system is starting up')
        return ports.warehouse.query(sql)
      },
    },
  } as MonitorPorts
  let count = 0
  const monitor = startMonitor(
    flaky,
    { datasets, consumerGroups: groups },
    { everyMs: 5, onMeasurement: () => count++ },
  )
  await expect.poll(() => count).toBeGreaterThan(2)
  monitor.stop()
})
