import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, beforeEach, test } from 'node:test'
import { issueProbeMark, PROBE_MARK_HEADER, type ProbeMark } from '../../../credentials/index.ts'
import type { RunningGateway } from '../../start.ts'
import { Bed, FORM, type Side } from '../../testing/test-bed.ts'

const flowKey = randomBytes(32)
let bed: Bed
let legacy: Side
let iam: Side
let gateway: RunningGateway

before(async () => {
  bed = await Bed.make()
  ;({ legacy, iam, gateway } = await bed.whole({ flowKey }))
})
after(() => bed.end())
beforeEach(() => {
  legacy.received.length = 0
  iam.received.length = 0
})

const now = () => Date.now() / 1_000
const markOf = (mark: Partial<ProbeMark>, key = flowKey) =>
  issueProbeMark({ clientId: 'moved', side: undefined, cannotReachIam: false, ...mark }, key, now())

async function ask(path: string, mark: string | undefined, init: RequestInit = {}) {
  const headers = { ...(init.headers as object), ...(mark !== undefined && { [PROBE_MARK_HEADER]: mark }) }
  const answer = await fetch(gateway.url + path, { redirect: 'manual', ...init, headers })
  const told = ['destination', 'reason', 'request-id'].map((name) => answer.headers.get(`x-handover-${name}`))
  const text = await answer.text()
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), told, text }
}
const token = (form: string): RequestInit => ({ method: 'POST', body: form, headers: FORM })

test('a probe reaches the side that it asks for, whatever the flag says, and receives the decision', async () => {
  const authorize = '/oauth/authorize?client_id=moved&response_type=code'
  const toLegacy = await ask(authorize, markOf({ side: 'legacy' }))
  assert.deepEqual(toLegacy.told.slice(0, 2), ['rails', 'flag_disabled'])
  assert.match(toLegacy.told[2] ?? '', /^[\w-]{8,}$/)
  const staying = markOf({ clientId: 'staying', side: 'iam' })
  const toIam = await ask('/oauth/token', staying, token('grant_type=client_credentials&client_id=staying'))
  assert.deepEqual(toIam.told.slice(0, 2), ['iam', 'flag_enabled'])
})

test('the mark reaches neither side', async () => {
  await ask('/oauth/authorize?client_id=moved', markOf({ side: 'legacy' }))
  await ask('/oauth/authorize?client_id=moved', markOf({ side: 'iam' }))
  await ask('/unrelated', markOf({}))
  const received = [...legacy.received, ...iam.received]
  assert.ok(received.length >= 3)
  for (const { headers } of received) assert.ok(!(PROBE_MARK_HEADER in headers))
})

test('a forged mark, and the mark of another client, change nothing and tell nothing', async () => {
  for (const mark of [
    markOf({ side: 'legacy' }, randomBytes(32)),
    markOf({ clientId: 'staying', side: 'legacy' }),
    'x'.repeat(200),
    undefined,
  ]) {
    const answer = await ask('/oauth/authorize?client_id=moved', mark)
    assert.deepEqual(answer.told, [null, null, null])
    assert.equal((JSON.parse(answer.text) as { side: string }).side, 'iam')
  }
})

test('an application that IAM does not hold stays on legacy, also for a probe of IAM', async () => {
  const { told } = await ask(
    '/oauth/authorize?client_id=not-replicated',
    markOf({ clientId: 'not-replicated', side: 'iam' }),
  )
  assert.deepEqual(told.slice(0, 2), ['rails', 'application_not_arrived'])
})

test('a new flow of a drill fails over to legacy without a connection to IAM, and the circuit stays closed', async () => {
  for (let round = 0; round < 20; round++) {
    const drill = markOf({ side: 'iam', cannotReachIam: true })
    const { status, told } = await ask('/oauth/token', drill, token('grant_type=client_credentials&client_id=moved'))
    assert.equal(status, 200)
    assert.deepEqual(told.slice(0, 2), ['rails', 'iam_failed_over'])
  }
  assert.equal(iam.received.filter(({ url }) => url?.startsWith('/oauth')).length, 0)
  const real = await ask('/oauth/authorize?client_id=moved', undefined)
  assert.equal((JSON.parse(real.text) as { side: string }).side, 'iam')
})

test('a credential of IAM in a drill gets an honest 503 and never reaches legacy', async () => {
  const drill = markOf({ side: 'iam', cannotReachIam: true })
  const form = 'grant_type=refresh_token&client_id=moved&refresh_token=gliamrt-1'
  const { status, retryAfter, told, text } = await ask('/oauth/token', drill, token(form))
  assert.equal(status, 503)
  assert.ok(retryAfter)
  assert.equal(told[0], 'iam')
  assert.equal((JSON.parse(text) as { error: string }).error, 'temporarily_unavailable')
  assert.equal(legacy.received.length, 0)
})
