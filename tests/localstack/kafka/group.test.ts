import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ErrorCode } from '#localstack/kafka/error-codes.ts'
import { Group, type JoinAnswer, type JoinRequest } from '#localstack/kafka/group.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const joining = (change: Partial<JoinRequest> = {}): JoinRequest => ({
  memberId: '',
  groupInstanceId: null,
  clientId: 'client',
  clientHost: '/127.0.0.1',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 30_000,
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: Buffer.from('topics') }],
  knowsRequiredMemberId: false,
  ...change,
})
const nothing = Buffer.alloc(0)

/** A group with one member that has its assignment. */
async function stableGroup(change: Partial<JoinRequest> = {}) {
  const group = new Group('group')
  const member = await group.join(joining(change))
  await group.sync(member.memberId, null, 1, [{ memberId: member.memberId, assignment: Buffer.from('all') }])
  return { group, member }
}

describe('joining', () => {
  it('takes two requests from clients that know it', async () => {
    const group = new Group('group')
    const first = await group.join(joining({ knowsRequiredMemberId: true }))
    expect(first).toMatchObject({
      errorCode: ErrorCode.MEMBER_ID_REQUIRED,
      memberId: expect.stringMatching(/^client-/),
    })
    const second = await group.join(joining({ knowsRequiredMemberId: true, memberId: first.memberId }))
    expect(second).toMatchObject({ errorCode: ErrorCode.NONE, generationId: 1, leader: first.memberId })
    expect(second.members).toEqual([
      { memberId: first.memberId, groupInstanceId: null, metadata: Buffer.from('topics') },
    ])
  })

  it('forgets an id that nobody joined with', async () => {
    const group = new Group('group')
    const { memberId } = await group.join(joining({ knowsRequiredMemberId: true }))
    expect(group.isEmpty).toBe(false)
    await vi.advanceTimersByTimeAsync(10_000)
    expect(group.isEmpty).toBe(true)
    expect(await group.join(joining({ memberId }))).toMatchObject({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
  })

  it.each([
    ['a session that is too short', { sessionTimeoutMs: 1 }, ErrorCode.INVALID_SESSION_TIMEOUT],
    ['no protocol', { protocols: [] }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    [
      'a protocol of its own',
      { protocols: [{ name: 'own', metadata: nothing }] },
      ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
    ],
    ['another type', { protocolType: 'connect' }, ErrorCode.INCONSISTENT_GROUP_PROTOCOL],
    ['an unknown id', { memberId: 'stranger' }, ErrorCode.UNKNOWN_MEMBER_ID],
  ])('is refused with %s, and the group stays as it is', async (_, change, errorCode) => {
    const { group } = await stableGroup()
    expect(await group.join(joining(change))).toMatchObject({ errorCode })
    expect(group.state).toBe('Stable')
  })

  it('settles on the protocol that most of those prefer which everybody speaks', async () => {
    const speaks = (...names: string[]) => ({
      protocols: names.map((name) => ({ name, metadata: Buffer.from(name) })),
    })
    const group = new Group('group')
    const a = await group.join(joining(speaks('range', 'sticky', 'own')))
    const b = group.join(joining(speaks('sticky', 'range')))
    const c = group.join(joining(speaks('sticky', 'range')))
    const again = await group.join(joining({ memberId: a.memberId, ...speaks('own', 'range', 'sticky') }))
    expect([again, await b, await c].map(({ protocolName }) => protocolName)).toEqual([
      'sticky',
      'sticky',
      'sticky',
    ])
    expect(again.members.map(({ metadata }) => `${metadata}`)).toEqual(['sticky', 'sticky', 'sticky'])
  })
})

describe('a rebalance', () => {
  it('tells members in their heartbeat, waits for all, and hands out what the leader decided', async () => {
    const { group, member: leader } = await stableGroup()
    expect(group.heartbeat(leader.memberId, null, 1)).toBe(ErrorCode.NONE)
    const newcomer = group.join(joining())
    expect(group.heartbeat(leader.memberId, null, 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const rejoined = await group.join(joining({ memberId: leader.memberId }))
    const { memberId, members } = await newcomer
    expect(rejoined).toMatchObject({ generationId: 2, leader: leader.memberId })
    expect(rejoined.members.map((m) => m.memberId)).toEqual([leader.memberId, memberId])
    expect(members).toEqual([])

    const follower = group.sync(memberId, null, 2, [])
    expect(group.state).toBe('CompletingRebalance')
    expect(group.checkCommit(memberId, null, 2)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
    const assignments = [
      { memberId: leader.memberId, assignment: Buffer.from('0') },
      { memberId, assignment: Buffer.from('1') },
    ]
    expect(await group.sync(leader.memberId, null, 2, assignments)).toMatchObject({
      assignment: Buffer.from('0'),
    })
    expect(await follower).toEqual({ errorCode: ErrorCode.NONE, assignment: Buffer.from('1') })
    expect(group.state).toBe('Stable')
    expect(group.checkCommit(memberId, null, 2)).toBe(ErrorCode.NONE)
    expect(group.checkCommit(memberId, null, 1)).toBe(ErrorCode.ILLEGAL_GENERATION)
    expect(group.checkCommit('', null, -1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  it('goes on without a member that beats its heart but does not join in time', async () => {
    const { group, member } = await stableGroup()
    let joined: JoinAnswer | undefined
    void Promise.resolve(group.join(joining())).then((answer) => {
      joined = answer
    })
    for (let elapsed = 0; elapsed < 30_000; elapsed += 5000) {
      expect(joined).toBeUndefined()
      expect(group.heartbeat(member.memberId, null, 1)).toBe(ErrorCode.REBALANCE_IN_PROGRESS)
      await vi.advanceTimersByTimeAsync(5000)
    }
    expect(joined!.leader).toBe(joined!.memberId)
    expect(group.heartbeat(member.memberId, null, 1)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  })

  it('starts again when the leader dies before it decided', async () => {
    const { group, member: leader } = await stableGroup()
    const newcomer = group.join(joining())
    await group.join(joining({ memberId: leader.memberId }))
    const { memberId } = await newcomer
    const waiting = group.sync(memberId, null, 2, [])
    await vi.advanceTimersByTimeAsync(9_999)
    group.heartbeat(memberId, null, 2)
    await vi.advanceTimersByTimeAsync(1)
    expect(await waiting).toMatchObject({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS })
    expect(await group.join(joining({ memberId }))).toMatchObject({ generationId: 3, leader: memberId })
  })

  it('follows a departure, and the group is empty after the last one', async () => {
    const { group, member } = await stableGroup()
    expect(group.leave('stranger', null)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
    expect(group.leave(member.memberId, null)).toBe(ErrorCode.NONE)
    expect(group).toMatchObject({ state: 'Empty', isEmpty: true })
    expect(group.checkCommit('', null, -1)).toBe(ErrorCode.NONE)
  })

  it('is not needed when a member repeats a join whose answer it missed', async () => {
    const { group, member } = await stableGroup()
    const newcomer = group.join(joining())
    await group.join(joining({ memberId: member.memberId }))
    const { memberId } = await newcomer
    expect(await group.join(joining({ memberId }))).toMatchObject({
      errorCode: ErrorCode.NONE,
      generationId: 2,
    })
    expect(group.state).toBe('CompletingRebalance')
  })
})

it('lets a static member come back under its name and fences the one before', async () => {
  const named = { groupInstanceId: 'worker-1' }
  const group = new Group('group')
  const before = await group.join(joining(named))
  const after = await group.join(joining(named))
  expect(after).toMatchObject({ errorCode: ErrorCode.NONE, generationId: 2 })
  expect(after.memberId).not.toBe(before.memberId)
  expect(group.heartbeat(before.memberId, 'worker-1', 1)).toBe(ErrorCode.FENCED_INSTANCE_ID)
  expect(await group.join(joining({ ...named, memberId: before.memberId }))).toMatchObject({
    errorCode: ErrorCode.FENCED_INSTANCE_ID,
  })
})

it('answers everybody who waits when it closes', async () => {
  const { group, member } = await stableGroup()
  const newcomer = group.join(joining())
  group.close()
  expect(await newcomer).toMatchObject({ errorCode: ErrorCode.COORDINATOR_NOT_AVAILABLE })
  expect(group.heartbeat(member.memberId, null, 1)).toBe(ErrorCode.COORDINATOR_NOT_AVAILABLE)
  expect(vi.getTimerCount()).toBe(0)
})
