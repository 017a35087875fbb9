import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type HeldUser, judgeUserChange, type ToldUser } from './user-changes.ts'

const active: HeldUser = { state: 'active', version: 5, epoch: 2 }
const blocked: HeldUser = { ...active, state: 'blocked' }
const signIn: ToldUser = { by: 'sign_in', state: 'active', version: undefined, epoch: undefined }
const change: ToldUser = { by: 'change', state: 'active', version: 6, epoch: 2 }

describe('what a message about a user changes', () => {
  it('is nothing for a change that is no newer than what is held', () => {
    for (const version of [4, 5]) {
      assert.equal(judgeUserChange(active, { ...change, version }).verdict, 'stale')
      assert.equal(judgeUserChange(active, { ...change, version, state: 'blocked' }).verdict, 'stale')
    }
    assert.deepEqual(judgeUserChange(active, change).next, { ...active, version: 6 })
  })

  it('is nothing for a stranger, unless the stranger is barred', () => {
    assert.equal(judgeUserChange(undefined, change).verdict, 'unknown')
    for (const state of ['blocked', 'deleted'] as const) {
      const { verdict, next, ends } = judgeUserChange(undefined, { ...change, state })
      assert.deepEqual([verdict, next?.state, ends], ['stored', state, true])
    }
  })

  it('ends everything when a user is blocked or deleted, and admits the user who is active again', () => {
    for (const state of ['blocked', 'deleted'] as const) {
      assert.equal(judgeUserChange(active, { ...change, state }).ends, true)
    }
    assert.equal(judgeUserChange(blocked, { ...change, state: 'blocked' }).ends, false)
    assert.equal(judgeUserChange(blocked, { ...change, state: 'deleted' }).ends, true)
    const { admits, ends } = judgeUserChange(blocked, change)
    assert.deepEqual([admits, ends], [true, false])
  })

  it('ends everything when the epoch is raised, but not when it is told for the first time', () => {
    assert.equal(judgeUserChange(active, { ...change, epoch: 3 }).ends, true)
    assert.equal(judgeUserChange(active, { ...signIn, version: 6, epoch: 3 }).ends, true)
    assert.equal(judgeUserChange({ ...active, epoch: null }, { ...change, epoch: 3 }).ends, false)
    assert.equal(judgeUserChange(active, { ...change, epoch: 1 }).next?.epoch, 2)
    assert.equal(judgeUserChange(active, { ...change, epoch: undefined }).next?.epoch, 2)
  })

  it('refuses a sign-in of a barred user that was under way, but not one after the user was let in again', () => {
    for (const version of [undefined, 4, 5]) {
      assert.equal(judgeUserChange(blocked, { ...signIn, version }).verdict, 'refused')
    }
    const { verdict, admits } = judgeUserChange(blocked, { ...signIn, version: 6 })
    assert.deepEqual([verdict, admits], ['stored', true])
  })

  it('keeps the newer profile when a sign-in was overtaken by a change', () => {
    const late = judgeUserChange(active, { ...signIn, version: 4 })
    assert.deepEqual([late.verdict, late.takesProfile, late.next?.version], ['stored', false, 5])
    assert.equal(judgeUserChange(active, { ...signIn, version: 5 }).takesProfile, true)
    assert.equal(judgeUserChange(active, signIn).takesProfile, true)
    assert.equal(judgeUserChange(undefined, signIn).next?.version, null)
  })
})
