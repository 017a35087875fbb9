import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { DESCRIBED_PAIR_HEADER } from '../../credentials/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM, type Side } from '../testing/test-bed.ts'

interface Token {
  readonly uid: string
  readonly scope: string[]
}

const CREATED_AT = 1_790_000_000
/** What each side has issued. */
const TOKENS: Readonly<Record<string, Readonly<Record<string, Token>>>> = {
  legacy: { 'old-1': { uid: 'app', scope: ['api'] }, 'old-2': { uid: 'other', scope: ['api'] } },
  iam: { 'gliamat-1': { uid: 'app', scope: ['api', 'read_user'] }, 'gliamat-2': { uid: 'other', scope: [] } },
}

/** Refresh tokens, and the access tokens of their pairs. */
const PAIRS: Readonly<Record<string, string>> = { 'old-r': 'old-1', 'old-other-r': 'old-2', 'gliamrt-1': 'gliamat-1' }

for (const fastPath of [true, false]) {
  describe(`introspection with a bearer token of the other side, ${fastPath ? 'with' : 'without'} the fast path`, () => {
    let bed: Bed
    let legacy: Side
    let iam: Side
    let gateway: RunningGateway
    before(async () => {
      bed = await Bed.make()
      ;({ legacy, iam, gateway } = await bed.whole({ fastPath }))
    })
    after(() => bed.end())
    beforeEach(() => {
      for (const side of [legacy, iam]) answerAsDoorkeeper(side)
    })

    /** Token info in Doorkeeper's format; an introspection names the side that finally answered. */
    function answerAsDoorkeeper(side: Side): void {
      side.received.length = 0
      side.answer = ({ url, headers }, response) => {
        const isInfo = url === '/oauth/token/info'
        const presented = String(headers.authorization).replace('Bearer ', '')
        const described = isInfo && headers[DESCRIBED_PAIR_HEADER] !== undefined ? PAIRS[presented] : undefined
        const token = TOKENS[side.name]?.[described ?? presented]
        const document = isInfo
          ? {
              resource_owner_id: 1,
              scope: token?.scope,
              expires_in: 600,
              application: { uid: token?.uid },
              created_at: CREATED_AT,
            }
          : { asked: side.name }
        response.writeHead(isInfo && token ? 200 : 401, { 'content-type': 'application/json' })
        response.end(JSON.stringify(document))
      }
    }

    async function introspect(bearer: string, token: string, more: Record<string, string> = {}) {
      const headers = { ...FORM, authorization: `Bearer ${bearer}` }
      const body = new URLSearchParams({ token, ...more }).toString()
      const answer = await fetch(`${gateway.url}/oauth/introspect`, { method: 'POST', headers, body })
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> }
    }

    for (const [bearer, token] of [
      ['old-1', 'gliamat-1'],
      ['gliamat-1', 'old-1'],
      ['old-1', 'gliamrt-1'],
      ['gliamat-1', 'old-r'],
    ] as const) {
      test(`describes ${token} to ${bearer} of the same application`, async () => {
        const { status, json } = await introspect(bearer, token)
        const { exp, ...rest } = json
        const isOld = token.startsWith('old')
        const scope = isOld ? 'api' : 'api read_user'
        assert.equal(status, 200)
        assert.deepEqual(rest, { active: true, scope, client_id: 'app', token_type: 'Bearer', iat: CREATED_AT })
        assert.equal(typeof exp, 'number')
        const [record] = (await bed.records('decisions')).slice(-1)
        assert.equal(record?.['destination'], isOld ? 'rails' : 'iam')
      })
    }

    const refused: Array<[string, string, number, object]> = [
      ['old-1', 'gliamat-gone', 200, { active: false }],
      ['gliamat-1', 'gone', 200, { active: false }],
      ['old-2', 'gliamat-1', 401, { asked: 'legacy' }],
      ['gliamat-2', 'old-1', 401, { asked: 'iam' }],
      ['gliamat-1', 'old-other-r', 401, { asked: 'iam' }],
      ['old-r', 'gliamat-1', 401, { asked: 'legacy' }],
      ['gone', 'gliamat-1', 401, { asked: 'legacy' }],
      ['gliamat-gone', 'old-1', 401, { asked: 'iam' }],
    ]
    for (const [bearer, token, status, json] of refused) {
      test(`reveals nothing about ${token} to ${bearer}`, async () => {
        assert.deepEqual(await introspect(bearer, token), { status, json })
      })
    }

    test('leaves it to one side if both tokens are from that side, or if a client authenticates itself', async () => {
      await introspect('gliamat-1', 'gliamat-2')
      await introspect('old-1', 'gliamat-2', { client_id: 'app', client_secret: 'x' })
      assert.deepEqual(
        iam.received.map(({ url }) => url),
        ['/oauth/introspect', '/oauth/introspect'],
      )
      assert.deepEqual(legacy.received, [])
    })

    test('is a temporary error while one of the sides fails, never inactive', async () => {
      iam.answer = (_request, response) => void response.writeHead(500).end()
      const { status, json } = await introspect('old-1', 'gliamat-1')
      assert.deepEqual([status, json['error']], [503, 'temporarily_unavailable'])
    })
  })
}
