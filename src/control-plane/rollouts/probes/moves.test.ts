import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type FlagState, OFF } from '../../../flags/index.ts'
import { silentLog } from '../../../observability/index.ts'
import { ROUTING_FLAG } from '../../../routing/index.ts'
import type { ChangeFeed, FeedListener } from '../../state/feed.ts'
import { followMoves } from './moves.ts'

const actor = (id: number) => `Authn::OauthApplication:${id}`

/** A feed of the routing flag on staging, with applications 1 to 4. */
function flagFeed() {
  let gates: FlagState = OFF
  let listener: FeedListener | undefined
  const feed = {
    cache: { gates: () => gates, applications: () => [1, 2, 3, 4].map((id) => ({ id })) },
    subscribe: (on: FeedListener) => {
      listener = on
      return () => {
        listener = undefined
      }
    },
  } as unknown as ChangeFeed
  const moves: Array<readonly number[] | 'back'> = []
  followMoves(
    { feed, environment: 'staging', log: silentLog },
    {
      moved: async (ids) => {
        moves.push(ids)
      },
      movedBack: () => moves.push('back'),
    },
  )
  const set = (changed: Partial<FlagState>, change: object = {}) => {
    gates = { ...OFF, ...changed }
    listener?.({ change: { kind: 'flag', environment: 'staging', name: ROUTING_FLAG, ...change } } as never)
    return moves.splice(0)
  }
  return { set }
}

describe('what a change of the routing flag tells the probes', () => {
  test('names exactly the applications that were moved', () => {
    const { set } = flagFeed()
    assert.deepEqual(set({ actors: [actor(1)] }), [[1]])
    assert.deepEqual(set({ actors: [actor(1), actor(3)] }), [[3]])
    assert.deepEqual(set({ boolean: true, opted_out: [actor(4)] }), [[2]])
    assert.deepEqual(set({ boolean: true }), [[4]])
  })

  test('says nothing when applications are only taken back, and ends the schedule when none is left', () => {
    const { set } = flagFeed()
    set({ actors: [actor(1), actor(2)] })
    assert.deepEqual(set({ actors: [actor(2)] }), [])
    assert.deepEqual(set({}), ['back'])
  })

  test('ignores other flags and environments', () => {
    const { set } = flagFeed()
    assert.deepEqual(set({ boolean: true }, { name: 'another' }), [])
    assert.deepEqual(set({ boolean: true }, { environment: 'production' }), [])
  })
})
