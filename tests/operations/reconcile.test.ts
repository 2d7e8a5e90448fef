import { bronzeKey, editedKey, quarantineKey, silverKey } from '@cupel/core/keys'
import { describe, expect, it } from 'vitest'
import {
  type DatasetStock,
  type DecisionStock,
  findProblems,
  foreignObjects,
  reconcile,
} from '#operations/reconcile.ts'

const dataset = { name: 'merchants', topic: 'm', bronzeFolder: 'b', silverFolder: 's' }
const bronze = (firstOffset: number, lastOffset: number, records = lastOffset - firstOffset + 1) => ({
  key: bronzeKey('b', { topic: 'm', partition: 0 }, firstOffset),
  partition: 0,
  firstOffset,
  lastOffset,
  records,
})
const entry = ({ key, records }: { key: string; records: number }) => ({
  objectKey: silverKey('s', key.replace(/^bronze\/b\/|\.ndjson$/g, '')),
  records,
  silver: records,
  quarantined: 0,
  duplicates: 0,
  problem: null,
})
/** Ten records in two objects, all in gold; each test spoils one thing. */
function stock(changes: Partial<DatasetStock> = {}): DatasetStock {
  const objects = [bronze(0, 5), bronze(6, 9)]
  return {
    dataset,
    kafka: { records: 10, partitions: [{ partition: 0, start: 0, end: 10 }] },
    committed: { ingest: new Map([[0, 10]]), detectFraud: new Map([[0, 10]]) },
    keptFailures: [],
    files: [],
    bronze: objects,
    ledger: objects.map(entry),
    silver: objects.map(entry).map(({ objectKey }) => objectKey),
    quarantine: [],
    gold: { rows: 10, compared: true, notTheFoldOfSilver: [] },
    ...changes,
  }
}
const decisions: DecisionStock = {
  topic: 'transactions',
  fraud: 1,
  genuine: 9,
  undecided: [],
  unexpected: [],
  withoutAlert: [],
  unsent: [],
  progress: [],
  gaps: [],
}
const problems = (changes: Partial<DatasetStock>) => reconcile([stock(changes)], decisions).join('\n')

/** What `cupel verify` tells apart in a stopped folder. */
function sorted(changes: Partial<DatasetStock>, decided: Partial<DecisionStock> = {}) {
  const whole = { partition: 0, firstOffset: 0, nextOffset: 10 }
  const found = findProblems([stock(changes)], { ...decisions, topic: 'm', progress: [whole], ...decided })
  return {
    faults: found.filter(({ underWay }) => underWay === undefined).map(({ text }) => text),
    underWay: found.flatMap(({ guarantee, underWay }) => (underWay ? [`${guarantee} ${underWay}`] : [])),
  }
}

describe('reconcile', () => {
  it('finds nothing where all agrees', () => {
    expect(reconcile([stock()], decisions)).toEqual([])
  })
  it('names offsets that are not in bronze: before, between and after', () => {
    expect(problems({ bronze: [bronze(2, 5), bronze(8, 8)] })).toMatch(
      /m-0 offsets 0 to 1 are not in bronze[\s\S]*6 to 7[\s\S]*9 to 9/,
    )
  })
  it('names an offset that stands twice', () => {
    expect(problems({ bronze: [bronze(0, 6), bronze(6, 9, 3)] })).toContain('offset 6 stands in bronze twice')
  })
  it('counts records that the event source kept as too large', () => {
    const bronzeObjects = [bronze(0, 5), bronze(7, 9)]
    const ledger = bronzeObjects.map(entry)
    const stored = { bronze: bronzeObjects, ledger, silver: ledger.map(({ objectKey }) => objectKey) }
    const keptFailures = [{ topic: 'm', partition: 0, firstOffset: 6, lastOffset: 6 }]
    expect(problems({ ...stored, keptFailures })).toBe('')
    expect(problems(stored)).toContain('offsets 6 to 6')
  })
  it('counts no object of a partition that the topic does not have, and names it', () => {
    const byHand = { ...bronze(0, 2), key: bronzeKey('b', { topic: 'm', partition: 9 }, 0), partition: 9 }
    const changes = { bronze: [...stock().bronze, byHand], ledger: [...stock().ledger, entry(byHand)] }
    expect(problems(changes)).toBe('')
    expect(foreignObjects(stock(changes))).toEqual([`${byHand.key}: topic m has no partition 9`])
  })
  it('takes an edited record for no second copy, and accounts for it behind bronze', () => {
    const counts = { firstOffset: Number.NaN, lastOffset: Number.NaN, records: Number.NaN }
    const edit = { ...bronze(0, 0), ...counts, key: editedKey('b', 'partition=0/m+0+0', 3) }
    const bronzeObjects = [...stock().bronze, edit]
    const ledger = [...stock().ledger, entry({ ...edit, records: 1 })]
    const silver = ledger.map(({ objectKey }) => objectKey)
    const whole = { bronze: bronzeObjects, ledger, silver }
    expect(problems(whole)).toBe('')
    expect(foreignObjects(stock(whole))).toEqual([])
    expect(problems({ ...whole, silver: silver.slice(0, 2) })).toContain(`${silver[2]} was loaded into gold`)
    expect(sorted({ bronze: bronzeObjects }).underWay).toEqual(['G2 1'])
  })
  it('does not miss what Kafka itself no longer keeps', () => {
    const kafka = { records: 4, partitions: [{ partition: 0, start: 6, end: 10 }] }
    expect(problems({ kafka, bronze: [bronze(6, 9)], ledger: [entry(bronze(6, 9))] })).toBe('')
  })
  it('says so when a topic was made anew under a lake that stayed', () => {
    const kafka = { records: 3, partitions: [{ partition: 0, start: 0, end: 3 }] }
    expect(problems({ kafka })).toContain('made anew')
  })
  it('names a bronze object that never came to gold, and one that could not be loaded', () => {
    const [first, second] = stock().ledger
    expect(problems({ ledger: [first!] })).toContain(`${second!.objectKey} was not loaded`)
    expect(problems({ ledger: [first!], silver: [first!.objectKey] })).toContain(
      `${second!.objectKey} is missing`,
    )
    expect(problems({ ledger: [first!, { ...second!, problem: 'not a Parquet file' }] })).toContain(
      'not a Parquet file',
    )
  })
  it('passes over objects of somebody else, and names them apart', () => {
    const bronzeOfOther = {
      ...bronze(0, 0),
      key: 'bronze/b/x.ndjson',
      firstOffset: Number.NaN,
      records: Number.NaN,
    }
    const silverOfOther = {
      ...entry(bronze(50, 50)),
      objectKey: 'silver/s/x.parquet',
      problem: 'not a Parquet file',
    }
    const changes = {
      bronze: [...stock().bronze, bronzeOfOther],
      ledger: [...stock().ledger, silverOfOther],
    }
    expect(problems(changes)).toBe('')
    expect(foreignObjects(stock(changes))).toEqual([
      'bronze/b/x.ndjson: not written by ingest-stream or land-file',
      'silver/s/x.parquet: not a Parquet file',
    ])
    const unreadable = stock().ledger.map((entry) => ({ ...entry, problem: 'not a Parquet file' }))
    expect(foreignObjects(stock({ ledger: unreadable }))).toEqual([]) // a problem, not a stranger
  })

  describe('tells what the next start finishes from what it does not', () => {
    const goesOnFrom = (ingest: number, detectFraud = 10) => ({
      committed: { ingest: new Map([[0, ingest]]), detectFraud: new Map([[0, detectFraud]]) },
    })
    const [first, second] = stock().ledger
    const untilSix = { bronze: [bronze(0, 5)], ledger: [first!], silver: [first!.objectKey] }

    it('in Kafka: what its readers will come to, and what they have passed over', () => {
      expect(sorted({ ...untilSix, ...goesOnFrom(6) })).toEqual({ faults: [], underWay: ['G1 4'] })
      expect(sorted({ ...untilSix, ...goesOnFrom(10) }).faults).toEqual([
        'm-0 offsets 6 to 9 are not in bronze',
      ])
      const hole = { bronze: [bronze(0, 3), bronze(6, 9)], ...goesOnFrom(0) }
      expect(sorted(hole).faults).toContain('m-0 offsets 4 to 5 are not in bronze')
      const nothing = {
        bronze: [],
        ledger: [],
        silver: [],
        committed: { ingest: new Map(), detectFraud: new Map() },
      }
      expect(sorted(nothing, { progress: [] })).toEqual({ faults: [], underWay: ['G1 10', 'G4 10'] })
    })
    it('in Kafka, behind a record that is too large', () => {
      const keptFailures = [{ topic: 'm', partition: 0, firstOffset: 7, lastOffset: 7 }]
      expect(sorted({ ...untilSix, ...goesOnFrom(6), keptFailures })).toEqual({
        faults: [],
        underWay: ['G1 1', 'G1 2'],
      })
    })
    it('an object that lacks lines, also while others are under way', () => {
      const short = { bronze: [bronze(0, 5, 4)], ledger: [{ ...first!, records: 4, silver: 4 }] }
      expect(sorted({ ...untilSix, ...short, ...goesOnFrom(6) }).faults).toEqual([
        '10 records in Kafka, 4 in bronze and 0 kept as too large, 4 under way',
      ])
    })
    it('in the lake: an object without silver, and one that is not loaded; but none that is gone', () => {
      expect(sorted({ ledger: [first!] })).toEqual({ faults: [], underWay: ['G3 4'] })
      const silver = [first!.objectKey]
      expect(sorted({ ledger: [first!], silver })).toEqual({ faults: [], underWay: ['G2 4'] })
      expect(sorted({ silver }).faults).toEqual([
        `${bronze(6, 9).key}: ${second!.objectKey} was loaded into gold and is missing`,
      ])
    })
    it('of decisions: those to come, and alerts to send; but none before what was decided', () => {
      const progress = [{ partition: 0, firstOffset: 0, nextOffset: 7 }]
      expect(sorted(goesOnFrom(10, 7), { progress, unsent: ['t1'] })).toEqual({
        faults: [],
        underWay: ['G4 1', 'G4 3'],
      })
      expect(sorted(goesOnFrom(10, 10), { progress }).faults).toEqual(['m-0 offsets 7 to 9 are not decided'])
      const late = [{ partition: 0, firstOffset: 2, nextOffset: 10 }]
      expect(sorted(goesOnFrom(10, 0), { progress: late }).faults).toEqual([
        'm-0 offsets 0 to 1 are not decided',
      ])
    })
  })

  it('names an object whose records do not add up', () => {
    const [first, second] = stock().ledger
    expect(problems({ ledger: [first!, { ...second!, records: 3 }] })).toContain('accounts for 3')
  })
  it('names a quarantine object that is missing, or holds another number of records', () => {
    const [first, second] = stock().ledger
    const ledger = [first!, { ...second!, silver: 3, quarantined: 1 }]
    const key = quarantineKey('merchants', 'partition=0/m+0+00000000000000000006')
    expect(problems({ ledger, quarantine: [{ key, lines: 1 }] })).toBe('')
    expect(problems({ ledger })).toContain(`${key} holds 0 records`)
    expect(problems({ ledger, quarantine: [{ key, lines: 2 }] })).toContain(`${key} holds 2 records`)
  })

  it('tells a gold with more rows than silver has records, where rows were not compared', () => {
    const gold = { rows: 11, compared: false, notTheFoldOfSilver: [] }
    expect(problems({ gold })).toContain('11 rows, more than the 10 records of silver')
    expect(problems({ gold: { ...gold, rows: 10 } })).toBe('')
  })

  describe('of decisions', () => {
    const decided = (changes: Partial<DecisionStock>, keptFailures: DatasetStock['keptFailures'] = []) =>
      findProblems([stock({ keptFailures })], { ...decisions, topic: 'm', progress: [whole], ...changes })
        .filter(({ guarantee }) => guarantee === 'G4')
        .map(({ text }) => text)
    const whole = { partition: 0, firstOffset: 0, nextOffset: 10 }

    it('names offsets that are not decided, at the end and at the start', () => {
      expect(decided({})).toEqual([])
      expect(decided({ progress: [{ ...whole, firstOffset: 2, nextOffset: 7 }] })).toEqual([
        'm-0 offsets 0 to 1 are not decided',
        'm-0 offsets 7 to 9 are not decided',
      ])
      expect(decided({ progress: [] })).toEqual(['m-0 offsets 0 to 9 are not decided'])
    })

    it('takes a record that is too large for an event as the cause of a gap, and of an end that was not reached', () => {
      const gaps = [{ partition: 0, firstOffset: 3, lastOffset: 4 }]
      const tooLarge = (offset: number) => ({
        topic: 'm',
        partition: 0,
        firstOffset: offset,
        lastOffset: offset,
      })
      expect(decided({ gaps }, [tooLarge(3), tooLarge(4)])).toEqual([])
      expect(decided({ gaps }, [tooLarge(3)])).toEqual([
        'm-0 offsets 4 to 4 never came, and nobody knows why',
      ])
      expect(decided({ progress: [{ ...whole, nextOffset: 9 }] }, [tooLarge(9)])).toEqual([])
    })

    it('names frauds without an alert, and alerts that were never sent', () => {
      expect(decided({ withoutAlert: ['t1'], unsent: ['t2'] })).toEqual([
        'no alert for the fraud t1',
        'the alert on t2 was never sent',
      ])
    })
  })

  it('names keys in which gold is not the newest of silver, and decisions that are missing or too many', () => {
    expect(problems({ gold: { rows: 10, compared: true, notTheFoldOfSilver: ['k1'] } })).toContain('k1')
    const progress = [{ partition: 0, firstOffset: 0, nextOffset: 10 }]
    const undecided = [{ id: 't1', partition: 0, offset: 3 }]
    const unexpected = [{ id: 't2', partition: 0, offset: 7 }]
    const found = { ...decisions, topic: 'm', progress, undecided, unexpected }
    expect(reconcile([stock()], found)).toEqual([
      expect.stringContaining('t1'),
      expect.stringContaining('t2'),
    ])
    // To which detect-fraud, or gold, has not come: the offsets and the object are told of instead.
    const { ledger } = stock()
    const behind = { ...found, progress: [{ ...progress[0]!, nextOffset: 3 }] }
    expect(reconcile([stock({ ledger: [ledger[0]!] })], behind).join('\n')).not.toMatch(/t1|t2/)
  })
})
