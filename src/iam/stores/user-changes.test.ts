import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HeldUser, judgeUserChange, type ToldUser } from './user-changes.ts'

const active: HeldUser = { state: 'active', version: 5, epoch: 2 }
const blocked: HeldUser = { ...active, state: 'blocked' }
const signIn: ToldUser = { by: 'sign_in', state: 'active', version: undefined, epoch: undefined }
const change: ToldUser = { by: 'change', state: 'active', version: 6, epoch: 2 }

describe('the effect of a message about a user', () => {
  it('is nothing for a change that is not newer than the stored one', () => {
    for (const version of [4, 5]) {
      assert.equal(judgeUserChange(active, { ...change, version }).verdict, 'stale')
      assert.equal(judgeUserChange(active, { ...change, version, state: 'blocked' }).verdict, 'stale')
    }
    assert.deepEqual(judgeUserChange(active, change).next, { ...active, version: 6 })
  })

  it('is nothing for an unknown user, unless the user is barred', () => {
    assert.equal(judgeUserChange(undefined, change).verdict, 'unknown')
    for (const state of ['blocked', 'deleted'] as const) {
      const { verdict, next, ends } = judgeUserChange(undefined, { ...change, state })
      assert.deepEqual([verdict, next?.state, ends], ['stored', state, true])
    }
  })

  it('ends everything when a user is blocked or deleted, and admits a user who is active again', () => {
    for (const state of ['blocked', 'deleted'] as const) {
      assert.equal(judgeUserChange(active, { ...change, state }).ends, true)
    }
    assert.equal(judgeUserChange(blocked, { ...change, state: 'blocked' }).ends, false)
    assert.equal(judgeUserChange(blocked, { ...change, state: 'deleted' }).ends, true)
    const { admits, ends } = judgeUserChange(blocked, change)
    assert.deepEqual([admits, ends], [true, false])
  })

  it('ends everything when the epoch is raised, but not when it is first reported', () => {
    assert.equal(judgeUserChange(active, { ...change, epoch: 3 }).ends, true)
    assert.equal(judgeUserChange(active, { ...signIn, version: 6, epoch: 3 }).ends, true)
    assert.equal(judgeUserChange({ ...active, epoch: null }, { ...change, epoch: 3 }).ends, false)
    assert.equal(judgeUserChange(active, { ...change, epoch: 1 }).next?.epoch, 2)
    assert.equal(judgeUserChange(active, { ...change, epoch: undefined }).next?.epoch, 2)
  })

  it('rejects a sign-in of a barred user that was in progress, but not one after the user was admitted again', () => {
    for (const version of [undefined, 4, 5]) {
      assert.equal(judgeUserChange(blocked, { ...signIn, version }).verdict, 'refused')
    }
    const { verdict, admits } = judgeUserChange(blocked, { ...signIn, version: 6 })
    assert.deepEqual([verdict, admits], ['stored', true])
  })

  it('keeps the newer profile when a change overtook a sign-in', () => {
    const late = judgeUserChange(active, { ...signIn, version: 4 })
    assert.deepEqual([late.verdict, late.takesProfile, late.next?.version], ['stored', false, 5])
    assert.equal(judgeUserChange(active, { ...signIn, version: 5 }).takesProfile, true)
    assert.equal(judgeUserChange(active, signIn).takesProfile, true)
    assert.equal(judgeUserChange(undefined, signIn).next?.version, null)
  })
})
