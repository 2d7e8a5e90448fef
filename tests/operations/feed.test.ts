import { describe, expect, it } from 'vitest'
import { pipelines } from '#datasets/pipelines.ts'
import { choosePipelines } from '#operations/cli/feed.ts'

describe('the pipelines that a start is about', () => {
  const names = (name?: string) => choosePipelines(name, {}).map((each) => each.name)

  it('are the first one, the one of a name, or all', () => {
    expect(names()).toEqual(['finance'])
    expect(names('all')).toEqual(pipelines.map(({ name }) => name))
    for (const { name } of pipelines) expect(names(name)).toEqual([name])
  })

  it('are refused when there are none', () => {
    expect(() => names('Finance')).toThrow(/^there is no pipeline Finance; there are finance/)
  })
})
