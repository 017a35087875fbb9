import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLog } from '../../../observability/index.ts'
import type { Store } from '../../state/store.ts'
import { Cohorts } from './cohorts.ts'

/** More turns of the microtask queue than one refresh takes to settle. */
const TURNS = 12

test('an application that changes at any moment of a refresh is read before the wait for it ends', async () => {
  for (let turns = 0; turns < TURNS; turns++) {
    const read: number[] = []
    let late: Promise<void> | undefined
    const query = async (_sql: string, [ids]: [readonly number[]]) => {
      read.push(...ids)
      if (ids.includes(1)) late = afterTurns(turns).then(() => cohorts.refresh([2]))
      return []
    }
    const cohorts = new Cohorts({ schema: 'control', database: { query } } as unknown as Store, silentLog)
    await cohorts.refresh([1])
    await late
    assert.deepEqual(read, [1, 2], `after ${turns} turns`)
  }
})

async function afterTurns(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await undefined
}
