import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { CredentialMarks } from '../../../routing/index.ts'
import type { GatewaySettings } from '../../settings.ts'
import type { RunningGateway } from '../../start.ts'
import { Bed, deadUrl, type Received, type Side, until } from '../../testing/test-bed.ts'
import { judgeMark } from './judge-mark.ts'

const jwt = (issuer: string) => `e30.${Buffer.from(JSON.stringify({ iss: issuer })).toString('base64url')}.c2ln`

describe('a fresh access token and the marks of its side', () => {
  const marks: CredentialMarks = {
    extraIamPrefixes: ['our-iam-'],
    iamJwtIssuer: 'https://iam.example',
    legacyJwtIssuer: 'https://platform.example',
    verifierKey: undefined,
  }
  const rows: Array<['legacy' | 'iam', string, boolean, 'agrees' | 'drifts']> = [
    ['legacy', '0f3c', false, 'agrees'],
    ['legacy', jwt('https://platform.example'), false, 'agrees'],
    ['legacy', jwt('https://iam.example'), false, 'drifts'],
    ['legacy', 'gliamat-1', false, 'drifts'],
    ['legacy', 'our-iam-1', true, 'drifts'],
    ['iam', 'gliamat-1', false, 'agrees'],
    ['iam', 'our-iam-1', false, 'agrees'],
    ['iam', jwt('https://iam.example'), false, 'agrees'],
    ['iam', jwt('https://platform.example'), false, 'drifts'],
    ['iam', jwt('https://platform.example'), true, 'drifts'],
    ['iam', 'glIAMat-1', false, 'drifts'],
    ['iam', '0f3c', false, 'drifts'],
    ['iam', '0f3c', true, 'agrees'],
    // The mark of a refresh token does not count for an access token.
    ['iam', 'gliamrt-1', false, 'drifts'],
  ]
  for (const [side, token, isUnmarked, verdict] of rows) {
    const shown = token.length > 20 ? 'a JWT' : token
    test(`${shown} of ${side}${isUnmarked ? ', which marks nothing,' : ''} ${verdict}`, () => {
      assert.equal(judgeMark(side, token, marks, isUnmarked), verdict)
    })
  }
})

describe('the check at startup', () => {
  let bed: Bed
  let legacy: Side
  let iam: Side

  before(async () => {
    bed = await Bed.make()
    legacy = await bed.side('legacy')
    iam = await bed.side('iam')
  })
  after(() => bed.end())
  beforeEach(() => {
    legacy.received.length = iam.received.length = bed.lines.length = 0
    legacy.answer = issuing('0f3c-of-legacy')
    iam.answer = issuing('gliamat-of-iam')
  })

  const issuing =
    (token: string): Side['answer'] =>
    ({ url }, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(url.endsWith('revoke') ? '{}' : JSON.stringify({ access_token: token, expires_in: 7_200 }))
    }
  const client = { clientId: 'probe', secret: 's3cr3t of the probe +/=' }
  const start = (more: Partial<GatewaySettings> = {}) =>
    bed.gateway({
      legacyUrl: legacy.url,
      iamUrl: iam.url,
      adminListen: { host: '127.0.0.1', port: 0 },
      markCheck: { legacy: client, iam: { ...client, scope: 'read' }, everyMs: 60_000 },
      ...more,
    })
  const marksAt = async (gateway: RunningGateway) => {
    const answer = await fetch(`${gateway.adminUrl}/readyz`)
    assert.equal(answer.status, 200)
    return ((await answer.json()) as { credential_marks: Record<string, string> }).credential_marks
  }
  const metricsOf = async (gateway: RunningGateway) => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    return text.split('\n').filter((line) => line.startsWith('handover_gateway_credential_mark_check{'))
  }
  const formOf = ({ body }: Received) => Object.fromEntries(new URLSearchParams(body.toString()))
  const upTo = (side: Side, count: number) => until(() => side.received.length >= count)

  test('obtains a token from both sides, finds the marks correct, and revokes it', async () => {
    const gateway = await start({ relativeUrlRoot: '/up', iamPaths: { revoke: '/own/revoke' } })
    await Promise.all([upTo(legacy, 2), upTo(iam, 2)])
    const told = (side: Side) => side.received.map((one) => [one.method, one.url, formOf(one)])
    const own = { client_id: client.clientId, client_secret: client.secret }
    const revoking = (token: string) => ({ token, token_type_hint: 'access_token', ...own })
    assert.deepEqual(told(legacy), [
      ['POST', '/up/oauth/token', { grant_type: 'client_credentials', ...own }],
      ['POST', '/up/oauth/revoke', revoking('0f3c-of-legacy')],
    ])
    assert.deepEqual(told(iam), [
      ['POST', '/oauth/token', { grant_type: 'client_credentials', scope: 'read', ...own }],
      ['POST', '/own/revoke', revoking('gliamat-of-iam')],
    ])
    await until(async () => (await marksAt(gateway))['iam'] === 'agrees')
    assert.deepEqual(await marksAt(gateway), { rails: 'agrees', iam: 'agrees' })
    assert.deepEqual(await metricsOf(gateway), [
      'handover_gateway_credential_mark_check{upstream="rails"} 1',
      'handover_gateway_credential_mark_check{upstream="iam"} 1',
    ])
  })

  test('drift is an error in the log and appears in metrics and readiness, without the token', async () => {
    iam.answer = issuing('glat-renamed-of-iam')
    const gateway = await start()
    await upTo(iam, 2)
    assert.deepEqual(await marksAt(gateway), { rails: 'agrees', iam: 'drifts' })
    assert.ok((await metricsOf(gateway)).includes('handover_gateway_credential_mark_check{upstream="iam"} 0'))
    const errors = (await bed.records()).filter((record) => record['level'] === 'error')
    assert.deepEqual(
      errors.map(({ upstream, credential_type }) => [upstream, credential_type]),
      [['iam', 'access_token']],
    )
    const log = bed.lines.join('')
    for (const secret of ['glat-renamed', '0f3c-of-legacy', 's3cr3t']) assert.ok(!log.includes(secret), secret)
  })

  test('a side that is down is retried ever less often, and delays nothing', async () => {
    const gateway = await start({ iamUrl: await deadUrl() })
    await upTo(legacy, 2)
    assert.deepEqual(await marksAt(gateway), { rails: 'agrees', iam: 'unknown' })
    assert.ok((await metricsOf(gateway)).includes('handover_gateway_credential_mark_check{upstream="iam"} -1'))
    assert.equal((await fetch(`${gateway.url}/any/page`)).status, 200)
  })

  test('a side that hangs does not delay shutdown', async () => {
    iam.answer = () => {}
    const gateway = await start({ limits: { keysMs: 600_000 } })
    await upTo(iam, 1)
    await gateway.close()
  })

  test('without a client there is no check, and readiness shows that', async () => {
    const gateway = await start({ markCheck: { everyMs: 60_000, legacy: client } })
    await upTo(legacy, 2)
    assert.deepEqual(await marksAt(gateway), { rails: 'agrees', iam: 'not_checked' })
    assert.equal((await metricsOf(gateway)).length, 1)
    assert.deepEqual(iam.received, [])
  })
})
