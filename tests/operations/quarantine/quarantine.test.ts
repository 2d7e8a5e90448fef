import { describe, expect, it } from 'vitest'
import type { DatasetAnswer } from '#functions/silver/replay/replay.ts'
import type { Request } from '#functions/silver/replay/request.ts'
import { Failure } from '#operations/cli/failure.ts'
import { makeQuarantine } from '#operations/cli/quarantine/ask.ts'
import { readAssignment } from '#operations/cli/quarantine/commands.ts'
import { formatEntries, formatReplay } from '#operations/cli/quarantine/text.ts'

const diff = (id: string, accepted: boolean) => ({
  id,
  isEdited: false,
  accepted,
  fields: [{ field: 'city', reason: 'too-long', before: 'a\u001b[2Jb', after: null, stillWrong: null }],
})
const answer = (changes: Partial<DatasetAnswer> = {}): DatasetAnswer => ({
  version: 2,
  objects: 1,
  accepted: 0,
  rejected: 1,
  ofThisVersion: 0,
  diffs: [diff('o@1', false)],
  held: [],
  failed: [],
  ...changes,
})

describe('quarantine on the command line', () => {
  it('asks for page after page, and adds them up', async () => {
    const asked: Request[] = []
    const pages = [
      answer({ next: 'a' }),
      answer({ accepted: 1, diffs: [diff('o@2', true)], next: 'b' }),
      answer({ held: [{ object: 'x', lost: 2 }] }),
    ]
    const { replay } = makeQuarantine(async (request) => pages[asked.push(request) - 1])
    const whole = await replay({ dataset: 'd', by: 'jane' })
    expect(asked.map(({ action, from }) => [action, from])).toEqual([
      ['replay', undefined],
      ['replay', 'a'],
      ['replay', 'b'],
    ])
    expect(whole).toMatchObject({ objects: 3, accepted: 1, rejected: 3, held: [{ lost: 2 }] })
    expect(whole.diffs[0]).toMatchObject({ id: 'o@2', accepted: true })
    expect(whole.next).toBeUndefined()
  })

  it('tries where nobody says who replays', async () => {
    const actions: string[] = []
    const { replay, edit } = makeQuarantine(async ({ action }) => {
      actions.push(action)
      return answer()
    })
    await replay({ dataset: 'd' })
    await edit({ dataset: 'd', entry: 'o@1', edit: { value: '' } })
    expect(actions).toEqual(['dryRun', 'dryRun'])
  })

  it('says in one line what the function refused', async () => {
    const { show } = makeQuarantine(async () => {
      throw new Error('there is no such dataset; there are users')
    })
    await expect(show({ dataset: 'd' })).rejects.toThrow(
      new Failure('there is no such dataset; there are users'),
    )
  })

  it('reads a text and JSON that a field is to be', () => {
    expect(readAssignment('amount=1=2')).toEqual(['amount', '1=2'])
    expect(readAssignment('tags:=["a"]')).toEqual(['tags', ['a']])
    expect(() => readAssignment('tags:=[')).toThrow('tags is to be JSON')
    expect(() => readAssignment('=x')).toThrow('sets nothing')
  })

  it('shows what strangers wrote without letting it move the cursor', () => {
    const shown = formatReplay('cities', answer({ ofThisVersion: 1 }), true)
    expect(shown).toContain('city  too-long: a\\u{1b}[2Jb → –')
    expect(shown).toContain('count the version of the dataset up')
    const one = { id: 'o@1', place: 'c-0@1', topic: 'c', partition: 0, offset: 1, timestampMs: 0, version: 1 }
    const entry = { ...one, isEdited: true, raw: '{"a":"\u001b"}', reasons: [] }
    expect(formatEntries({ entries: [entry], next: 'o@1' })).toMatch(
      /\(edited\)[\s\S]*\\u\{1b\}[\s\S]*--from 'o@1'/,
    )
    expect(formatReplay('cities', answer({ rejected: 0, objects: 0 }), false)).toContain('Nothing to replay')
  })
})
