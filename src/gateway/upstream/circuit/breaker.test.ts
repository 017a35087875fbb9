import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Breaker, DEFAULT_BREAKER, NOBODY, openPeriod, type Sender } from './breaker.ts'

const policy = DEFAULT_BREAKER
const sender = (application: number, network: string): Sender => ({ application, network })
/** One failure from each of `senders` in turn. */
const fail = (breaker: Breaker, senders: readonly Sender[], now = 0) =>
  senders.map((each) => breaker.failed(each, now)).at(-1)
const times = (count: number, each: Sender): Sender[] => new Array(count).fill(each)
const EVERYONE = [sender(1, 'a'), sender(2, 'b'), sender(3, 'c'), sender(1, 'a'), sender(2, 'b')]

test('one client, one application, one network, and unknown clients make the upstream suspect and open nothing', () => {
  const manyOfOneNetwork = [1, 2, 3, 4, 5, 6].map((id) => sender(id, 'a'))
  const oneOfManyNetworks = ['a', 'b', 'c', 'd', 'e', 'f'].map((network) => sender(1, network))
  for (const senders of [times(50, sender(1, 'a')), manyOfOneNetwork, oneOfManyNetworks, times(50, NOBODY)]) {
    const breaker = new Breaker(policy)
    assert.equal(fail(breaker, senders), 'probe')
    assert.equal(breaker.isOpen, false)
    assert.equal(breaker.probed(true, 0), 'unchanged')
    assert.equal(breaker.isOpen, false)
  }
})

test('a suspect upstream is down when a probe fails too', () => {
  const breaker = new Breaker(policy)
  assert.equal(fail(breaker, times(policy.consecutiveFailures - 1, NOBODY)), 'none')
  assert.equal(fail(breaker, [NOBODY]), 'probe')
  assert.equal(breaker.probed(false, 0), 'opened')
  assert.equal(breaker.isOpen, true)
})

test('consecutive failures from several applications and networks open it at once', () => {
  const breaker = new Breaker(policy)
  assert.equal(fail(breaker, EVERYONE), 'opened')
  assert.equal(breaker.isOpen, true)
})

test('a success, or a pause as long as a window, ends a run of failures', () => {
  const interrupted = new Breaker(policy)
  fail(interrupted, EVERYONE.slice(1))
  interrupted.succeeded(0)
  assert.equal(fail(interrupted, EVERYONE.slice(1)), 'none')
  const paused = new Breaker(policy)
  fail(paused, EVERYONE.slice(1))
  assert.equal(fail(paused, EVERYONE.slice(1), policy.windowMs), 'none')
})

test('a failure ratio at the threshold makes the upstream suspect, even without consecutive failures', () => {
  const breaker = new Breaker(policy)
  const verdicts: unknown[] = []
  for (let i = 0; i < policy.windowMinimum / 2; i++) {
    breaker.succeeded(0)
    verdicts.push(breaker.failed(sender(i, `${i}`), 0))
  }
  assert.deepEqual(new Set(verdicts.slice(0, -1)), new Set(['none']))
  assert.equal(verdicts.at(-1), 'probe')
})

test('failures of an earlier window do not count towards the ratio', () => {
  const breaker = new Breaker(policy)
  for (let i = 0; i < policy.windowMinimum / 2 - 1; i++) {
    breaker.succeeded(0)
    breaker.failed(NOBODY, 0)
  }
  breaker.succeeded(policy.windowMs)
  assert.equal(breaker.failed(NOBODY, policy.windowMs), 'none')
})

test('failures that a successful probe excused still count once other applications fail as well', () => {
  const breaker = new Breaker(policy)
  fail(breaker, times(policy.consecutiveFailures, sender(1, 'a')))
  breaker.probed(true, 0)
  assert.equal(fail(breaker, [sender(2, 'b')]), 'probe')
  assert.equal(fail(breaker, [sender(3, 'c')]), 'opened')
})

test('while it is open, no request closes it and no failure prolongs it; consecutive successful probes close it', () => {
  const breaker = new Breaker(policy)
  fail(breaker, EVERYONE)
  const first = breaker.probeInMs(0.5)
  for (let i = 0; i < 100; i++) {
    breaker.succeeded(0)
    assert.equal(breaker.failed(sender(i, 'x'), 0), 'none')
  }
  assert.equal(breaker.isOpen, true)
  assert.equal(breaker.probeInMs(0.5), first)
  assert.equal(breaker.probed(true, 0), 'unchanged')
  assert.equal(breaker.probed(false, 0), 'unchanged')
  assert.equal(breaker.probed(true, 0), 'unchanged')
  assert.equal(breaker.probed(true, 0), 'closed')
  assert.equal(breaker.isOpen, false)
})

test('the time between probes grows with every failed probe, up to a limit, and has jitter', () => {
  const breaker = new Breaker(policy)
  fail(breaker, EVERYONE)
  const periods = [0, 1, 2, 3, 4, 5, 6].map(() => {
    const period = breaker.probeInMs(0.5)
    breaker.probed(false, 0)
    return period
  })
  assert.deepEqual(periods.slice(0, 3), [policy.openMs, 2 * policy.openMs, 4 * policy.openMs])
  assert.equal(periods.at(-1), policy.openMaxMs)
  assert.ok(openPeriod(1, policy, 0) < openPeriod(1, policy, 1))
})

test('a circuit that reopens soon after it closed continues with a longer period, later it starts with the first', () => {
  const breaker = new Breaker(policy)
  const cycle = (now: number) => {
    fail(breaker, EVERYONE, now)
    const period = breaker.probeInMs(0.5)
    for (let i = 0; i < policy.successesToClose; i++) breaker.probed(true, now)
    return period
  }
  assert.deepEqual(
    [cycle(0), cycle(10), cycle(10 + policy.openMaxMs)],
    [policy.openMs, 2 * policy.openMs, policy.openMs],
  )
})
