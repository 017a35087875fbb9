import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Patience, type Waiting } from './patience.ts'

function waiting(name: string, called: string[]): Waiting {
  return { onTooLong: () => void called.push(name) }
}

test('whatever waits too long is notified once, the longest first', async () => {
  const called: string[] = []
  const patience = new Patience(20)
  patience.begin(waiting('first', called))
  await sleep(5)
  patience.begin(waiting('second', called))
  while (called.length < 2) await sleep(5)
  await sleep(30)
  assert.deepEqual(called, ['first', 'second'])
})

test('whatever has ended is not notified, nor is anything after the end of all', async () => {
  const called: string[] = []
  const patience = new Patience(10)
  const [ended, late] = [waiting('ended', called), waiting('late', called)]
  patience.begin(ended)
  patience.end(ended)
  patience.begin(waiting('waits', called))
  while (called.length === 0) await sleep(5)
  patience.begin(late)
  patience.close()
  await sleep(30)
  assert.deepEqual(called, ['waits'])
})

test('one that is notified may wait again', async () => {
  const called: string[] = []
  const patience = new Patience(5)
  const again: Waiting = {
    onTooLong() {
      called.push('again')
      if (called.length < 3) patience.begin(again)
    },
  }
  patience.begin(again)
  while (called.length < 3) await sleep(5)
  assert.equal(called.length, 3)
})
