import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RunningGateway } from '../start.ts'
import { Bed, FORM } from '../testing/test-bed.ts'
import { isSuppressible } from './log-sampling.ts'

describe('a log line may be suppressed for', () => {
  const cases = [
    ['unknown_client', 200, 'x', 'no_application', true],
    ['client_id_missing', 302, undefined, 'no_application', true],
    ['not_routed', 200, undefined, 'no_application', true],
    ['brake', 302, 'x', 'no_application', true],
    ['credential_unknown', 401, undefined, 'no_application', true],
    ['credential_issuer', 401, 'x', 'no_application', true],
    ['unknown_client', 200, 'x', 'unresolved', true],
    ['credential_unknown', 200, undefined, 'no_application', false],
    ['credential_issuer', 503, undefined, 'no_application', false],
    ['brake', 302, 'x', 5, false],
    ['ambiguous_client', 400, 'x', 5, false],
    ['credential_unknown', 401, 'x', 5, false],
    ['credential_unknown', 401, 'x', 'unresolved', false],
    ['flag_enabled', 400, 'x', 5, false],
  ] as const
  for (const [reason, status, clientId, application, expected] of cases) {
    test(`${expected ? '' : 'not '}${reason} with ${status} for client ${clientId}, known as ${application}`, () => {
      assert.equal(isSuppressible({ reason, status, clientId }, application), expected)
    })
  }
})

describe('under a flood', () => {
  let bed: Bed
  let gateway: RunningGateway
  before(async () => {
    bed = await Bed.make()
    const local = { host: '127.0.0.1', port: 0 }
    const settings = { logSampling: { count: 20, seconds: 60 }, adminListen: local, mostMeteredApplications: 1 }
    ;({ gateway } = await bed.whole(settings))
  })
  after(() => bed.end())

  const many = async (count: number, ask: (index: number) => Promise<Response>) => {
    for (let sent = 0; sent < count; sent += 25) {
      const answers = await Promise.all(Array.from({ length: 25 }, (_, index) => ask(sent + index)))
      await Promise.all(answers.map((answer) => answer.arrayBuffer()))
    }
  }
  const ofReason = (records: Array<Record<string, unknown>>, reason: string) =>
    records.filter((record) => record['reason'] === reason)

  test('unknown clients get lines up to the limit, known applications get all of theirs, and the rest is counted', async () => {
    await many(200, (index) => fetch(`${gateway.url}/oauth/authorize?client_id=stranger-${index}`))
    await many(100, () => fetch(`${gateway.url}/oauth/authorize`))
    await many(50, () => fetch(`${gateway.url}/oauth/authorize?client_id=moved`))
    const body = 'grant_type=refresh_token&refresh_token=unheard-of&client_id=staying'
    await many(50, () => fetch(`${gateway.url}/oauth/token`, { method: 'POST', headers: FORM, body }))
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    await gateway.close()
    const records = await bed.records('decisions')
    assert.equal(ofReason(records, 'unknown_client').length, 20)
    assert.equal(ofReason(records, 'client_id_missing').length, 20)
    assert.equal(ofReason(records, 'flag_enabled').length, 50)
    assert.equal(ofReason(records, 'credential_unknown').length, 50)
    const told = (await bed.records()).filter((one) => one['msg'] === 'iamproxy: routing decisions left out')
    assert.deepEqual(
      told.map(({ left_out, interval_seconds, subcomponent }) => ({ left_out, interval_seconds, subcomponent })),
      [
        {
          left_out: { unknown_client: 180, client_id_missing: 80 },
          interval_seconds: 60,
          subcomponent: 'workhorse',
        },
      ],
    )
    assert.match(
      metrics,
      /requests_total\{endpoint="authorize",destination="rails",reason="unknown_client",code="200"\} 200\n/,
    )
    assert.match(metrics, /application_requests_total\{application_id="1",destination="iam",class="2xx"\} 50\n/)
    assert.match(metrics, /application_requests_total\{application_id="other",destination="rails",class="2xx"\} 50\n/)
  })
})
