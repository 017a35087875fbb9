import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { Flip } from './flips.ts'
import { FLOWS } from './flows.ts'
import { populate } from './population.ts'
import { Random } from './random.ts'
import { type Story, shrink, storyOf } from './story.ts'
import { expectActive, redeem, type Tokens } from './tokens.ts'
import { BeginAnew, BrokenFlow, type StepRecord, Walk } from './walk.ts'
import { Jar, Web } from './web.ts'

const population = populate(5, 1)
let server: Server
let web: Web
let listener: RequestListener = () => {}
const steps: StepRecord[] = []

before(async () => {
  server = createServer((request, response) => listener(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  web = new Web(url, [url])
})
after(async () => {
  await web.close()
  server.close()
})

function walk(isExcused: boolean): Walk {
  const [application] = population.applications
  const [user] = population.users
  return new Walk({ application, user, jar: new Jar() }, new Random(1), {
    ...{ web, think: () => 0, isExcused: () => isExcused, onStep: (step) => steps.push(step) },
    beforeStep: async () => {},
  })
}

const answering =
  (status: number, body: object, headers: Record<string, string> = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
const tokens: Tokens = { access: 'a', refresh: 'r', idToken: undefined, scope: 'api', holder: 'legacy' }
const asked = { scope: 'api', state: 's', nonce: 'n', verifier: undefined, url: new URL('http://a/') }
const issued = { access_token: 'a', refresh_token: 'r', token_type: 'Bearer', scope: 'api' }

describe('a walk', () => {
  test('breaks when a valid token is reported as inactive', async () => {
    listener = answering(200, { active: false })
    await assert.rejects(expectActive(walk(false), tokens, true), BrokenFlow)
    await assert.rejects(expectActive(walk(true), tokens, true), BrokenFlow)
  })

  test('breaks when a valid code is refused, when its token comes from the other side, when a used code works again', async () => {
    listener = answering(400, { error: 'invalid_grant' })
    await assert.rejects(redeem(walk(true), asked, 'code'), /redeem: 400 invalid_grant/)
    listener = answering(200, { ...issued, access_token: 'gliamat-a', refresh_token: 'gliamrt-r' })
    await assert.rejects(redeem(walk(true), asked, 'code'), /token of the other side/)
    listener = answering(200, { ...issued, access_token: 'gliamat-a' })
    await assert.rejects(redeem(walk(true), asked, 'gliamac-code'), /different sides/)
    listener = answering(200, issued)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 30 }, (_, seed) => {
        const one = walk(true)
        for (let draws = 0; draws < seed; draws++) one.random.next()
        return redeem(one, asked, 'code')
      }),
    )
    const broken = outcomes.filter((one) => one.status === 'rejected' && /redeem again: 200/.test(String(one.reason)))
    assert.ok(broken.length > 0 && broken.length < 30)
  })

  test('breaks at an unexplained outage, and continues after one that is explained', async () => {
    for (const outage of [
      answering(503, {}, { 'retry-after': '1' }),
      answering(502, {}),
      ((_request, response) => response.destroy()) as RequestListener,
    ]) {
      listener = outage
      await assert.rejects(expectActive(walk(false), tokens, true), BrokenFlow)
      let asks = 0
      listener = (request, response) => (++asks === 1 ? outage : answering(200, { active: true }))(request, response)
      await expectActive(walk(true), tokens, true)
      assert.equal(asks, 2)
    }
  })

  test('treats a 503 without Retry-After as a wrong response, not as an outage', async () => {
    listener = answering(503, {})
    await assert.rejects(expectActive(walk(true), tokens, true), BrokenFlow)
  })

  test('starts again when a request with a lost response may have used up a code', async () => {
    let asks = 0
    listener = (request, response) => {
      if (++asks === 1) response.destroy()
      else answering(400, { error: 'invalid_grant' })(request, response)
    }
    await assert.rejects(redeem(walk(true), asked, 'code'), BeginAnew)
  })
})

test('shrinking leaves only the necessary flips', async () => {
  const flips = Array.from({ length: 12 }, (_, id): Flip => ({ kind: 'application', id, value: 'true' }))
  const [application] = population.applications
  const [user] = population.users
  const [flow] = FLOWS
  assert.ok(flow)
  const step = (at: number): StepRecord => ({ step: 's', gateway: 0, startedAt: at, endedAt: at + 5, outcome: '200' })
  const breakage = {
    ...{ flow, flowSeed: 1, application: { ...application, id: 3 }, user, step: 's', why: 'x', faults: [] },
    ...{ startedAt: 0, steps: [step(0), step(10), step(20)] },
  }
  const made = flips.map((flip, index) => ({ flip, at: index + 1 }))
  const all: Flip = { kind: 'all', value: 'true' }
  const story = storyOf(breakage, [{ flip: all, at: -5 }, ...made, { flip: all, at: 12 }, { flip: all, at: 99 }])
  assert.deepEqual(
    story.flips.map(({ before, flip }) => [before, flip.kind]),
    [
      [0, 'all'],
      [1, 'application'],
      [2, 'all'],
    ],
  )
  const long = { ...story, flips: flips.map((flip, before) => ({ flip, before })) }
  const needs = new Set([flips[2], flips[9]])
  const tell = async (one: Story) =>
    [...needs].every((needed) => one.flips.some(({ flip }) => flip === needed)) ? 'still broken' : undefined
  const shrunk = await shrink(long, tell)
  assert.deepEqual(
    shrunk.story.flips.map(({ flip }) => flip),
    [...needs],
  )
  assert.deepEqual(await shrink(long, async () => undefined), { story: long, why: undefined })
})
