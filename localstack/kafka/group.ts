import { randomUUID } from 'node:crypto'
import { ErrorCode } from './error-codes.ts'

/** In the words of DescribeGroups. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable'

export type JoinRequest = {
  readonly memberId: string // empty: a new member
  readonly groupInstanceId: string | null // not null: a static member, known by this name across restarts
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly { readonly name: string; readonly metadata: Buffer }[] // the preferred one first
  readonly knowsRequiredMemberId: boolean // from version 4 on a new member is told its id and joins a second time
}

export type JoinAnswer = {
  readonly errorCode: ErrorCode
  readonly memberId: string
  readonly generationId: number
  readonly protocolName: string
  readonly leader: string
  readonly members: readonly { memberId: string; groupInstanceId: string | null; metadata: Buffer }[] // leader only
}

export type SyncAnswer = { readonly errorCode: ErrorCode; readonly assignment: Buffer }

type Member = {
  readonly id: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  protocols: JoinRequest['protocols']
  assignment: Buffer
  answerJoin?: (answer: JoinAnswer) => void // waiting for the rebalance to complete
  answerSync?: (answer: SyncAnswer) => void // waiting for the leader's assignment
  session: NodeJS.Timeout
}

const NOTHING = Buffer.alloc(0)
const SESSION_TIMEOUT_MS = { min: 100, max: 1_800_000 } // Kafka's minimum is 6 s; tests want to be faster

/**
 * One consumer group and its rebalances, after Kafka's classic protocol:
 *
 *     Empty ─join─▶ PreparingRebalance ─all joined, or time is up─▶ CompletingRebalance ─leader syncs─▶ Stable
 *       ▲                 ▲──────── join, leave, or a session ends ────────┴──────────────────────────────┘
 *       └──── the last member went
 *
 * Members that did not join again within the longest rebalance timeout of all are dropped. Membership lives in memory
 * only: after a restart members are unknown and join again, from the offsets they committed.
 */
export class Group {
  readonly id: string
  state: GroupState = 'Empty'
  generationId = 0
  protocolType = ''
  protocolName = ''
  #leader = ''
  readonly #members = new Map<string, Member>() // in the order of joining
  readonly #pending = new Map<string, NodeJS.Timeout>() // ids given out, to join with a second request
  #deadline: NodeJS.Timeout | undefined
  #closed = false

  constructor(id: string) {
    this.id = id
  }

  get isEmpty(): boolean {
    return this.#members.size === 0 && this.#pending.size === 0
  }

  /** For DescribeGroups; metadata is of the chosen protocol. */
  members() {
    return [...this.#members.values()].map((member) => ({
      memberId: member.id,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: this.state === 'Stable' ? metadataOf(member, this.protocolName) : NOTHING,
      memberAssignment: this.state === 'Stable' ? member.assignment : NOTHING,
    }))
  }

  /** Answered once every member has joined the new generation, or time is up. */
  join(request: JoinRequest): Promise<JoinAnswer> | JoinAnswer {
    const refuse = (errorCode: ErrorCode, memberId = request.memberId) => refusedJoin(errorCode, memberId)
    if (this.#closed) return refuse(ErrorCode.COORDINATOR_NOT_AVAILABLE)
    if (
      request.sessionTimeoutMs < SESSION_TIMEOUT_MS.min ||
      request.sessionTimeoutMs > SESSION_TIMEOUT_MS.max ||
      request.rebalanceTimeoutMs < 0
    ) {
      return refuse(ErrorCode.INVALID_SESSION_TIMEOUT)
    }
    if (!this.#accepts(request)) return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)

    const namesake = request.groupInstanceId === null ? undefined : this.#byInstance(request.groupInstanceId)
    if (request.memberId === '') {
      const memberId = `${request.groupInstanceId ?? request.clientId.slice(0, 100)}-${randomUUID()}`
      if (request.groupInstanceId === null && request.knowsRequiredMemberId) {
        const timer = setTimeout(() => this.#forgetPending(memberId), request.sessionTimeoutMs)
        this.#pending.set(memberId, timer)
        return refuse(ErrorCode.MEMBER_ID_REQUIRED, memberId)
      }
      if (namesake) this.#drop(namesake, ErrorCode.FENCED_INSTANCE_ID)
      return this.#enter(this.#add(memberId, request))
    }
    if (this.#pending.has(request.memberId)) {
      this.#unpend(request.memberId)
      return this.#enter(this.#add(request.memberId, request))
    }
    if (namesake && namesake.id !== request.memberId) return refuse(ErrorCode.FENCED_INSTANCE_ID)
    const member = this.#members.get(request.memberId)
    if (!member) return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    const changed = !sameProtocols(member.protocols, request.protocols)
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    member.protocols = request.protocols
    // A join that was answered but not heard is repeated; it needs no new generation unless something changed.
    const isLeader = member.id === this.#leader
    if (!changed && (this.state === 'CompletingRebalance' || (this.state === 'Stable' && !isLeader))) {
      this.#keepAlive(member)
      return this.#joinAnswer(member)
    }
    return this.#enter(member)
  }

  /** Answered at once when the group is stable, otherwise when its leader has sent the assignments. */
  sync(
    memberId: string,
    groupInstanceId: string | null,
    generationId: number,
    assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[],
  ): Promise<SyncAnswer> | SyncAnswer {
    const member = this.#members.get(memberId)
    const errorCode = this.#checkMember(memberId, groupInstanceId, generationId)
    if (errorCode !== ErrorCode.NONE || !member) return { errorCode, assignment: NOTHING }
    this.#keepAlive(member)
    if (this.state === 'PreparingRebalance') {
      return { errorCode: ErrorCode.REBALANCE_IN_PROGRESS, assignment: NOTHING }
    }
    if (this.state === 'Stable') return { errorCode: ErrorCode.NONE, assignment: member.assignment }
    const answer = new Promise<SyncAnswer>((resolve) => {
      member.answerSync = resolve
    })
    if (memberId === this.#leader) this.#becomeStable(assignments)
    return answer
  }

  heartbeat(memberId: string, groupInstanceId: string | null, generationId: number): ErrorCode {
    const member = this.#members.get(memberId)
    const errorCode = this.#checkMember(memberId, groupInstanceId, generationId)
    if (errorCode !== ErrorCode.NONE || !member) return errorCode
    this.#keepAlive(member)
    return this.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
  }

  leave(memberId: string, groupInstanceId: string | null): ErrorCode {
    if (this.#pending.has(memberId)) {
      this.#forgetPending(memberId)
      return ErrorCode.NONE
    }
    const member = groupInstanceId === null ? this.#members.get(memberId) : this.#byInstance(groupInstanceId)
    if (!member) return ErrorCode.UNKNOWN_MEMBER_ID
    if (memberId !== '' && member.id !== memberId) return ErrorCode.FENCED_INSTANCE_ID
    this.#drop(member, ErrorCode.UNKNOWN_MEMBER_ID)
    this.#afterDeparture()
    return ErrorCode.NONE
  }

  /** Whether offsets may be committed. A generation below 0 comes from outside of the group, while it has no members. */
  checkCommit(memberId: string, groupInstanceId: string | null, generationId: number): ErrorCode {
    if (generationId < 0 && this.#members.size === 0) return ErrorCode.NONE
    const errorCode = this.#checkMember(memberId, groupInstanceId, generationId)
    if (errorCode !== ErrorCode.NONE) return errorCode
    this.#keepAlive(this.#members.get(memberId)!)
    return this.state === 'CompletingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
  }

  /** Answer everybody who waits, so that they look for the coordinator again, and stop all timers. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#deadline)
    for (const member of this.#members.values()) this.#dismiss(member, ErrorCode.COORDINATOR_NOT_AVAILABLE)
    for (const timer of this.#pending.values()) clearTimeout(timer)
  }

  #accepts({ protocolType, protocols, memberId }: JoinRequest): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    const others = [...this.#members.values()].filter((member) => member.id !== memberId)
    if (others.length === 0) return true
    if (protocolType !== this.protocolType) return false
    return protocols.some(({ name }) =>
      others.every((member) => member.protocols.some((p) => p.name === name)),
    )
  }

  #add(id: string, request: JoinRequest): Member {
    const { groupInstanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols } = request
    const member: Member = {
      ...{ id, groupInstanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols },
      assignment: NOTHING,
      session: setTimeout(() => this.#expire(id), sessionTimeoutMs),
    }
    if (this.#members.size === 0) this.protocolType = request.protocolType
    this.#members.set(id, member)
    return member
  }

  /** Start or go on with a rebalance in which `member` has joined. */
  #enter(member: Member): Promise<JoinAnswer> {
    member.answerJoin?.(refusedJoin(ErrorCode.REBALANCE_IN_PROGRESS, member.id)) // it asked twice; the later one counts
    const answer = new Promise<JoinAnswer>((resolve) => {
      member.answerJoin = resolve
    })
    if (this.state !== 'PreparingRebalance') this.#prepareRebalance()
    this.#completeIfAllJoined()
    return answer
  }

  #prepareRebalance(): void {
    this.state = 'PreparingRebalance'
    for (const member of this.#members.values()) {
      member.answerSync?.({ errorCode: ErrorCode.REBALANCE_IN_PROGRESS, assignment: NOTHING })
      member.answerSync = undefined
      this.#keepAlive(member)
    }
    this.#startDeadline(() => this.#completeRebalance())
  }

  #completeIfAllJoined(): void {
    if (this.state !== 'PreparingRebalance' || this.#pending.size > 0) return
    if ([...this.#members.values()].every((member) => member.answerJoin)) this.#completeRebalance()
  }

  #completeRebalance(): void {
    clearTimeout(this.#deadline)
    for (const member of this.#members.values()) {
      if (!member.answerJoin) this.#drop(member, ErrorCode.UNKNOWN_MEMBER_ID)
    }
    this.generationId++
    const members = [...this.#members.values()]
    if (members.length === 0) {
      this.state = 'Empty'
      this.protocolName = ''
      this.#leader = ''
      return
    }
    this.state = 'CompletingRebalance'
    if (!this.#members.has(this.#leader)) this.#leader = members[0]!.id
    this.protocolName = chooseProtocol(members)
    for (const member of members) {
      member.assignment = NOTHING
      member.answerJoin?.(this.#joinAnswer(member))
      member.answerJoin = undefined
      this.#keepAlive(member)
    }
    // Who heard the new generation but never asks for an assignment would hold up everybody.
    this.#startDeadline(() => {
      for (const member of this.#members.values()) {
        if (!member.answerSync) this.#drop(member, ErrorCode.UNKNOWN_MEMBER_ID)
      }
      this.#afterDeparture()
    })
  }

  #becomeStable(assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]): void {
    clearTimeout(this.#deadline)
    this.state = 'Stable'
    for (const { memberId, assignment } of assignments) {
      const member = this.#members.get(memberId)
      if (member) member.assignment = Buffer.from(assignment)
    }
    for (const member of this.#members.values()) {
      member.answerSync?.({ errorCode: ErrorCode.NONE, assignment: member.assignment })
      member.answerSync = undefined
    }
  }

  #startDeadline(onTimeUp: () => void): void {
    clearTimeout(this.#deadline)
    const timeouts = [...this.#members.values()].map((member) => member.rebalanceTimeoutMs)
    this.#deadline = setTimeout(onTimeUp, Math.max(...timeouts, 0))
  }

  #joinAnswer(member: Member): JoinAnswer {
    const members = [...this.#members.values()].map((m) => ({
      memberId: m.id,
      groupInstanceId: m.groupInstanceId,
      metadata: metadataOf(m, this.protocolName),
    }))
    return {
      errorCode: ErrorCode.NONE,
      memberId: member.id,
      generationId: this.generationId,
      protocolName: this.protocolName,
      leader: this.#leader,
      members: member.id === this.#leader ? members : [],
    }
  }

  #checkMember(memberId: string, groupInstanceId: string | null, generationId: number): ErrorCode {
    if (this.#closed) return ErrorCode.COORDINATOR_NOT_AVAILABLE
    const namesake = groupInstanceId === null ? undefined : this.#byInstance(groupInstanceId)
    if (namesake && namesake.id !== memberId) return ErrorCode.FENCED_INSTANCE_ID
    if (!this.#members.has(memberId)) return ErrorCode.UNKNOWN_MEMBER_ID
    return generationId === this.generationId ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
  }

  #byInstance(groupInstanceId: string): Member | undefined {
    return [...this.#members.values()].find((member) => member.groupInstanceId === groupInstanceId)
  }

  #keepAlive(member: Member): void {
    clearTimeout(member.session)
    member.session = setTimeout(() => this.#expire(member.id), member.sessionTimeoutMs)
  }

  #expire(memberId: string): void {
    const member = this.#members.get(memberId)
    if (!member || member.answerJoin) return // it waits for us, not we for it
    this.#drop(member, ErrorCode.UNKNOWN_MEMBER_ID)
    this.#afterDeparture()
  }

  #drop(member: Member, errorCode: ErrorCode): void {
    this.#members.delete(member.id)
    this.#dismiss(member, errorCode)
  }

  #dismiss(member: Member, errorCode: ErrorCode): void {
    clearTimeout(member.session)
    member.answerJoin?.(refusedJoin(errorCode, member.id))
    member.answerSync?.({ errorCode, assignment: NOTHING })
    member.answerJoin = undefined
    member.answerSync = undefined
  }

  #afterDeparture(): void {
    if (this.state === 'Stable' || this.state === 'CompletingRebalance') this.#prepareRebalance()
    this.#completeIfAllJoined()
  }

  #unpend(memberId: string): void {
    clearTimeout(this.#pending.get(memberId))
    this.#pending.delete(memberId)
  }

  #forgetPending(memberId: string): void {
    this.#unpend(memberId)
    this.#completeIfAllJoined()
  }
}

const refusedJoin = (errorCode: ErrorCode, memberId: string): JoinAnswer => ({
  errorCode,
  memberId,
  generationId: -1,
  protocolName: '',
  leader: '',
  members: [],
})

const metadataOf = (member: Member, protocol: string): Buffer =>
  member.protocols.find(({ name }) => name === protocol)?.metadata ?? NOTHING

/** Of the protocols that all members speak, the one that most of them prefer; the first member decides a draw. */
function chooseProtocol(members: readonly Member[]): string {
  const common = members[0]!.protocols
    .map(({ name }) => name)
    .filter((name) => members.every((member) => member.protocols.some((p) => p.name === name)))
  const votes = members.map((member) => member.protocols.find(({ name }) => common.includes(name))?.name)
  const countOf = (name: string) => votes.filter((vote) => vote === name).length
  return common.reduce((best, name) => (countOf(name) > countOf(best) ? name : best))
}

const sameProtocols = (a: JoinRequest['protocols'], b: JoinRequest['protocols']): boolean =>
  a.length === b.length && a.every((p, i) => p.name === b[i]!.name && p.metadata.equals(b[i]!.metadata))
