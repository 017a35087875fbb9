import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LeftOut, LineBudget } from './line-budget.ts'

function budgetOf(count: number, seconds: number) {
  const told: LeftOut[] = []
  return { told, budget: new LineBudget({ count, seconds }, (leftOut) => void told.push(leftOut)) }
}

test('the first lines of each kind are written, suppressed ones are counted by kind', () => {
  const { told, budget } = budgetOf(2, 60)
  assert.deepEqual(
    ['a', 'a', 'a', 'a', 'b', 'b', 'c'].map((kind) => budget.admit(kind)),
    [true, true, false, false, true, true, true],
  )
  budget.close()
  assert.deepEqual(told, [{ a: 2 }])
})

test('a period without suppressed lines reports nothing', () => {
  const { told, budget } = budgetOf(2, 60)
  budget.admit('a')
  budget.close()
  assert.deepEqual(told, [])
})

test('suppressed lines are reported at the end of their period even if the flood has stopped, and a new period begins', async () => {
  const { told, budget } = budgetOf(1, 0.03)
  budget.admit('a')
  assert.equal(budget.admit('a'), false)
  while (told.length === 0) await sleep(5)
  assert.deepEqual(told, [{ a: 1 }])
  assert.equal(budget.admit('a'), true)
})

test('without an allowance every line is written', () => {
  const budget = new LineBudget(undefined, () => assert.fail('nothing was left out'))
  for (let count = 0; count < 1_000; count++) assert.ok(budget.admit('a'))
  budget.close()
})
