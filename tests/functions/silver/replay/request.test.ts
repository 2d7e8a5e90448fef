import { describe, expect, it } from 'vitest'
import { transactions } from '#datasets/finance/transactions.ts'
import { readRequest } from '#functions/silver/replay/request.ts'

const entry = 'partition=0/transactions+0+00000000000000000000@3'
const edit = { set: { amount: '12.50' } }

describe('a request', () => {
  it.each([
    [{ action: 'drop' }, '`action` to be list, show, dryRun or replay'],
    [{ action: 'list', dataset: 'pets' }, 'there is no such dataset; there are transactions'],
    [{ action: 'replay' }, '`by`: who replays'],
    [{ action: 'replay', by: 'jane', entry }, 'an `edit`'],
    [{ action: 'replay', by: 'jane', entry, edit }, '`because`: why it is edited'],
    [{ action: 'dryRun', edit }, 'an `entry` to edit'],
    [{ action: 'dryRun', entry, edit: { set: {} } }, '`edit` to have'],
    [{ action: 'show', entry: 'x' }, '`entry` to be an id as listed'],
    [{ action: 'show', limit: 0 }, '`limit` to count from 1'],
  ])('refuses %j', (request, message) => {
    expect(() => readRequest({ dataset: 'transactions', ...request }, [transactions])).toThrow(message)
  })
  it('is what was asked, with its dataset', () => {
    const request = { action: 'replay', dataset: 'transactions', entry, edit, by: 'jane', because: 'why not' }
    expect(readRequest(request, [transactions])).toEqual({ ...request, of: transactions })
    for (const nothing of [null, 7, 'list', []]) expect(() => readRequest(nothing, [])).toThrow('`action`')
  })
})
