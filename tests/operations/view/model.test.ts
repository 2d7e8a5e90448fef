import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CloudMessage } from '#operations/cli/local-cloud.ts'
import {
  completionOf,
  emptyModel,
  invoked,
  type Measurement,
  type Model,
  measured,
  percentile,
  progressed,
  rateOf,
} from '#operations/cli/view/model.ts'

const fraud = { through: 0, lag: 0, duplicates: 0, found: 0 }
const measurement = (change: Partial<Measurement> = {}): Measurement => ({
  atMs: 0,
  bronze: { through: 0, lag: 0 },
  tooLarge: 0,
  ledger: { records: 0, quarantined: 0, duplicates: 0 },
  fraud,
  ...change,
})
const ledger = (records: number, quarantined = 0, duplicates = 0) => ({ records, quarantined, duplicates })
const invocation = (change: Partial<CloudMessage>): CloudMessage => ({
  type: 'invocation',
  functionKey: 'refine',
  startedMs: 1_000,
  durationMs: 50,
  cold: false,
  failed: false,
  eventMs: null,
  ...change,
})
const refined = (records: number) => invocation({ functionKey: 'refine', answer: { records } })

describe('the totals', () => {
  it('are of all that ever was, and what an earlier run left between stages is lag', () => {
    const model = measured(
      emptyModel,
      measurement({
        bronze: { through: 1_000, lag: 20 },
        ledger: ledger(900, 7, 30),
        fraud: { through: 500, lag: 3, duplicates: 9, found: 12 },
      }),
    )
    expect(model.stages.bronze).toMatchObject({ total: 1_000, lag: 20 })
    expect(model.stages.silver).toMatchObject({ total: 900, lag: 100, quarantined: 7, duplicates: 30 })
    expect(model.stages.gold).toMatchObject({ total: 900, lag: 0 })
    expect(model.stages.fraud).toMatchObject({ total: 500, lag: 3, duplicates: 9 })
    expect(model.frauds).toBe(12)
  })

  it('of silver follow from what refine answers, before gold knows of it', () => {
    let model = measured(emptyModel, measurement({ bronze: { through: 100, lag: 0 }, ledger: ledger(100) }))
    model = invoked(model, refined(30))
    model = measured(model, measurement({ bronze: { through: 150, lag: 0 }, ledger: ledger(110) }))
    expect(model.stages.silver).toMatchObject({ total: 130, lag: 20 })
    expect(model.stages.gold).toMatchObject({ total: 110, lag: 20 })
  })

  it('count a redelivery once: refine answers that it refined nothing', () => {
    let model = measured(emptyModel, measurement())
    model = invoked(invoked(model, refined(30)), refined(0))
    model = measured(model, measurement({ bronze: { through: 40, lag: 0 } }))
    expect(model.stages.silver.total).toBe(30)
  })

  it('do not wait for a record that is too large for an event', () => {
    const model = measured(
      emptyModel,
      measurement({ bronze: { through: 101, lag: 0 }, tooLarge: 1, ledger: ledger(100) }),
    )
    expect(model.stages.silver).toMatchObject({ total: 100, lag: 0 })
    expect(model.tooLarge).toBe(1)
  })

  it('of frauds take in what is found after the first measurement, and nothing twice', () => {
    const found = (fraud: number) => invocation({ functionKey: 'detectFraud', answer: { fraud } })
    let model = invoked(emptyModel, found(2)) // counted in what is measured then
    model = measured(model, measurement({ fraud: { ...fraud, found: 5 } }))
    expect(model.frauds).toBe(5)
    model = measured(invoked(model, found(3)), measurement({ fraud: { ...fraud, found: 5 } }))
    expect(model.frauds).toBe(8)
  })

  it('leave fraud out where nothing is decided', () => {
    expect(measured(emptyModel, measurement()).shown).toEqual(['bronze', 'silver', 'gold', 'fraud'])
    const model = measured(emptyModel, measurement({ fraud: undefined }))
    expect(model.shown).toEqual(['bronze', 'silver', 'gold'])
  })

  it('never leave their order, whatever is told and measured', () => {
    const step = fc.record({
      answer: fc.nat(500),
      bronze: fc.nat(1_000),
      lag: fc.nat(50),
      gold: fc.nat(1_000),
    })
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        let model: Model = emptyModel
        let [bronze, gold] = [0, 0]
        for (const [index, each] of steps.entries()) {
          bronze += each.bronze
          gold = Math.min(bronze, gold + each.gold)
          model = measured(
            invoked(model, refined(each.answer)),
            measurement({
              atMs: index * 1_000,
              bronze: { through: bronze, lag: each.lag },
              ledger: ledger(gold),
            }),
          )
          const { silver } = model.stages
          expect(silver.total).toBeGreaterThanOrEqual(gold)
          expect(silver.total).toBeLessThanOrEqual(bronze)
          expect(silver.total + silver.lag).toBe(bronze)
          expect(model.stages.gold.total + model.stages.gold.lag).toBe(silver.total)
        }
      }),
    )
  })
})

describe('the latencies', () => {
  it('count from what an invocation was about to its end', () => {
    let model = invoked(emptyModel, invocation({ functionKey: 'ingestStream', eventMs: 50 }))
    model = invoked(model, invocation({ functionKey: 'load', eventMs: 900, answer: { oldestRecordMs: 250 } }))
    expect(model.stages.bronze.latenciesMs).toEqual([1_000])
    expect(model.stages.gold.latenciesMs).toEqual([150])
    expect(model.goldLatenciesMs).toEqual([800])
  })

  it.each([
    ['from the future', 5_000],
    ['that is none', -1],
    ['that is not there', null],
  ])('leave out a timestamp %s', (_, eventMs) => {
    const model = invoked(emptyModel, invocation({ functionKey: 'detectFraud', eventMs }))
    expect(model.stages.fraud.latenciesMs).toEqual([])
  })

  it('of failed invocations are not the records’, and failures are counted', () => {
    const model = invoked(emptyModel, invocation({ failed: true, eventMs: 10, answer: { errorType: 'X' } }))
    expect(model.stages.silver).toMatchObject({ failed: 1, latenciesMs: [] })
  })

  it('of other functions, and of answers that are too long to be told, harm nothing', () => {
    expect(invoked(emptyModel, invocation({ functionKey: 'sweep' }))).toBe(emptyModel)
    expect(invoked(emptyModel, invocation({ answer: undefined })).refined).toBe(0)
  })

  it('keep to the last invocations', () => {
    let model: Model = emptyModel
    for (let n = 0; n < 500; n++) model = invoked(model, invocation({ eventMs: 1_050 - n }))
    expect(model.stages.silver.latenciesMs).toHaveLength(200)
    expect(model.stages.silver.latenciesMs.at(-1)).toBe(499)
  })
})

describe('percentile', () => {
  it('is a sample that at least that share do not exceed, and none is smaller', () => {
    const shares = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { minLength: 1 }), shares, (samples, share) => {
        const found = percentile(samples, share)!
        const upTo = (limit: number) => samples.filter((sample) => sample <= limit).length
        expect(samples).toContain(found)
        expect(upTo(found)).toBeGreaterThanOrEqual(share * samples.length)
        if (upTo(found - 1) > 0) expect(upTo(found - 1)).toBeLessThan(share * samples.length)
      }),
    )
    expect(percentile([], 0.5)).toBeUndefined()
  })
})

describe('rate and completion', () => {
  it('a rate is over the last ten seconds, and unknown at first', () => {
    let model: Model = emptyModel
    expect(rateOf(model.stages.bronze.points)).toBeUndefined()
    for (let second = 0; second <= 30; second++) {
      const through = second < 15 ? 0 : (second - 15) * 100
      model = measured(model, measurement({ atMs: second * 1_000, bronze: { through, lag: 0 } }))
    }
    expect(rateOf(model.stages.bronze.points)).toBe(100)
    expect(model.stages.bronze.points.length).toBeLessThan(13)
    model = measured(model, measurement({ atMs: 60_000, bronze: { through: 1_500, lag: 0 } }))
    expect(rateOf(model.stages.bronze.points)).toBe(0)
  })

  it('a bounded run says what is left at the pace at which it sends', () => {
    const generating = (sent: number) =>
      ({ phase: 'generating', sent, of: 1_000, rate: undefined, counted: 'rows' }) as const
    const model = progressed(progressed(emptyModel, generating(0), 0), generating(400), 2_000)
    expect(completionOf(model)).toEqual({ done: 400, of: 1_000, etaMs: 3_000 })
  })

  it('settling is done when nothing lags anywhere', () => {
    const model = measured(
      emptyModel,
      measurement({
        bronze: { through: 100, lag: 10 },
        ledger: ledger(80),
        fraud: { through: 95, lag: 5, duplicates: 0, found: 0 },
      }),
    )
    expect(completionOf(progressed(model, { phase: 'settling' }, 0))).toMatchObject({ done: 80, of: 110 })
    expect(completionOf(progressed(model, { phase: 'reconciling' }, 0))).toBeUndefined()
  })
})
