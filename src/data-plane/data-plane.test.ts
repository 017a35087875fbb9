import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { RunningDataPlane } from './start.ts'
import { NO_HAPROXY, PlaneBed, type PlaneSide, until } from './testing/plane-bed.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

interface Sent {
  readonly status: number
  readonly side: string | undefined
  /** Whether the gateway behind HAProxy decided it. */
  readonly byGateway: boolean
}

class Plane {
  readonly bed: PlaneBed
  readonly legacy: PlaneSide
  readonly iam: PlaneSide
  readonly plane: RunningDataPlane

  constructor(bed: PlaneBed, { legacy, iam, plane }: Awaited<ReturnType<PlaneBed['whole']>>) {
    this.bed = bed
    this.legacy = legacy
    this.iam = iam
    this.plane = plane
  }

  static async with(...args: Parameters<PlaneBed['whole']>): Promise<Plane> {
    const bed = await PlaneBed.make()
    try {
      return new Plane(bed, await bed.whole(...args))
    } catch (error) {
      await bed.end()
      throw error
    }
  }

  async send(path: string, init: RequestInit = {}): Promise<Sent> {
    const before = [this.legacy.received.length, this.iam.received.length]
    const response = await fetch(this.plane.url + path, { redirect: 'manual', ...init })
    await response.text()
    const atLegacy = this.legacy.received.length > (before[0] ?? 0)
    const received = (atLegacy ? this.legacy : this.iam).received.at(-1)
    const side = atLegacy ? 'legacy' : this.iam.received.length > (before[1] ?? 0) ? 'iam' : undefined
    // Ids of HAProxy are UUIDs, those of the gateway are not.
    const id = String(received?.headers['x-request-id'] ?? '')
    return { status: response.status, side, byGateway: side !== undefined && !/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(id) }
  }

  token(body: string, headers: Record<string, string> = {}): Promise<Sent> {
    return this.send('/oauth/token', { method: 'POST', body, headers: { ...FORM, ...headers } })
  }

  /** Writes a snapshot and waits until HAProxy holds it. */
  async snapshot(...args: Parameters<PlaneBed['snapshot']>): Promise<void> {
    await this.bed.snapshot(...args)
    await until(() => this.plane.gateway.routing.snapshot?.version === args[0]?.version)
    await this.plane.settled()
  }
}

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

describe('HAProxy as data plane', { skip: NO_HAPROXY }, () => {
  test('sends a client where its flag says, whichever way it names itself', async () => {
    const at = await Plane.with()
    try {
      for (const [client, side] of [
        ['moved', 'iam'],
        ['staying', 'legacy'],
        ['not-replicated', 'legacy'],
        ['nobody', 'legacy'],
      ] as const) {
        const here = { status: 200, side, byGateway: false }
        assert.deepEqual(await at.send(`/oauth/authorize?client_id=${client}&state=x%2F1`), here)
        assert.deepEqual(await at.token(`grant_type=client_credentials&client_id=${client}&scope=a+b`), here)
        assert.deepEqual(await at.token('grant_type=client_credentials', { authorization: basic(`${client}:s`) }), here)
      }
    } finally {
      await at.bed.end()
    }
  })

  test('sends a credential to its issuer, whatever the flag and the brake say', async () => {
    const at = await Plane.with({ extraIamPrefixes: ['acme-'] }, { brake: true })
    try {
      for (const [form, side] of [
        ['grant_type=authorization_code&code=gliamac-1', 'iam'],
        ['grant_type=refresh_token&refresh_token=gliamrt-1', 'iam'],
        ['grant_type=refresh_token&refresh_token=acme-1', 'iam'],
        ['grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=gliamdc-1', 'iam'],
        ['grant_type=authorization_code&code=gliamrt-1', 'legacy'],
        ['grant_type=refresh_token&refresh_token=0123', 'legacy'],
        ['grant_type=client_credentials&code=gliamac-1', 'legacy'],
      ] as const) {
        const sent = await at.token(`${form}&client_id=moved`)
        assert.deepEqual(sent, { status: 200, side, byGateway: false }, form)
      }
    } finally {
      await at.bed.end()
    }
  })

  test('hands over to the gateway whatever two servers could read differently', async () => {
    const at = await Plane.with()
    try {
      for (const body of [
        'grant_type=client_credentials&client_id=moved&client_id=staying',
        'grant_type=client_credentials&client_id=mo%76ed',
        'grant_type=client_credentials&client_id[]=moved',
        'grant_type=client_credentials;client_id=moved',
        'grant_type=client_credentials&client_id=moved&x=%00',
        'grant_type=client_credentials&client_id=moved&x=%zz',
        'grant_type=client_credentials&client_id=moved\n',
        'client_id=moved',
        'grant_type=authorization_code&client_id=moved',
      ]) {
        assert.equal((await at.token(body)).byGateway, true, body)
      }
      assert.equal(
        (await at.token('grant_type=password&client_id=a', { authorization: basic('moved:s') })).byGateway,
        true,
      )
      const json = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"client_id":"moved"}' }
      assert.equal((await at.send('/oauth/token', json)).byGateway, true)
      for (const path of [
        '/oauth/token/',
        '/oauth//authorize?client_id=moved',
        '/oauth/%61uthorize?client_id=moved',
        '/%6Fauth/authorize?client_id=moved',
        '/o/acme/oauth/authorize?client_id=moved',
        '/o/a%2Fb/oauth/authorize?client_id=moved',
        '/oauth/authorize.json?client_id=moved',
        '/oauth/authorize.%zz?client_id=moved',
        '/oauth/authorize?client_id=moved&client_id=moved',
        '/oauth/introspect',
        '/oauth/userinfo',
      ]) {
        assert.equal((await at.send(path)).byGateway, true, path)
      }
    } finally {
      await at.bed.end()
    }
  })

  test('sends traffic that is not OAuth straight to legacy', async () => {
    const at = await Plane.with()
    try {
      for (const path of ['/', '/users/a%2Fb?x=1', '/api/v4/projects/a%2Fb', '/-/author', '/a.json']) {
        assert.deepEqual(await at.send(path), { status: 200, side: 'legacy', byGateway: false }, path)
      }
      assert.equal(at.legacy.received.at(1)?.url, '/users/a%2Fb?x=1')
    } finally {
      await at.bed.end()
    }
  })

  test('answers a new flow from legacy when IAM fails, and never a credential of IAM', async () => {
    const at = await Plane.with()
    try {
      at.iam.answer = (_request, response) => void response.writeHead(503).end()
      const flow = await at.send('/oauth/authorize?client_id=moved')
      assert.deepEqual(flow, { status: 200, side: 'legacy', byGateway: false })
      assert.equal((await at.token('grant_type=client_credentials&client_id=moved')).side, 'legacy')
      const count = at.iam.received.length
      const credential = await at.token('grant_type=refresh_token&refresh_token=gliamrt-1&client_id=moved')
      assert.deepEqual(credential, { status: 503, side: 'iam', byGateway: false })
      assert.equal(at.iam.received.length, count + 1)
    } finally {
      await at.bed.end()
    }
  })

  test('answers 503 for a credential of IAM also if IAM closes a kept-alive connection without a word', async () => {
    const at = await Plane.with()
    try {
      for (let round = 0; round < 3; round++) {
        at.iam.answer = (_request, response) => void response.socket?.destroy()
        assert.equal((await at.token('grant_type=refresh_token&refresh_token=gliamrt-1')).status, 503)
        assert.equal(at.iam.received.length, round + 1)
        assert.equal((await at.token('grant_type=client_credentials&client_id=staying')).status, 200)
      }
      assert.equal(at.legacy.received.length, 3)
    } finally {
      await at.bed.end()
    }
  })

  test('answers 502 in the form that the client reads when legacy fails', async () => {
    const at = await Plane.with()
    try {
      await at.legacy.stop()
      const typeOf = async (path: string, accept: string) => {
        const { status, headers } = await fetch(at.plane.url + path, { headers: { accept } })
        return [status, headers.get('content-type'), headers.get('retry-after')]
      }
      const authorize = '/oauth/authorize?client_id=staying'
      assert.deepEqual(await typeOf(authorize, 'text/html'), [502, 'text/html; charset=utf-8', '5'])
      assert.deepEqual(await typeOf(authorize, '*/*'), [502, 'application/json; charset=utf-8', '5'])
      assert.deepEqual(await typeOf('/other', 'text/html'), [502, 'text/html; charset=utf-8', '5'])
      assert.deepEqual(await typeOf('/other', '*/*'), [502, 'text/plain; charset=utf-8', '5'])
    } finally {
      await at.bed.end()
    }
  })

  test('marks a flow whose first page legacy shows, and the gateway keeps it there after a flip', async () => {
    const at = await Plane.with({ flowKey: new Uint8Array(32).fill(3) })
    try {
      const page = '/oauth/authorize?client_id=staying&redirect_uri=https%3A%2F%2Fapp.example%2Fcb&state=a+b%2Fc'
      const markOf = async (path: string, location?: string, status = location === undefined ? 200 : 302) => {
        at.legacy.answer = (_request, response) =>
          void response.writeHead(status, location === undefined ? {} : { location }).end()
        const response = await fetch(at.plane.url + path, { redirect: 'manual' })
        return response.headers.getSetCookie()[0]
      }
      for (const location of [
        'https://app.example/cb?code=1',
        '//elsewhere.example/',
        '/oauth/authorize/native?code=1',
      ]) {
        assert.equal(await markOf(page, location), undefined, location)
      }
      assert.equal(await markOf(page, undefined, 401), undefined)
      assert.equal(await markOf('/oauth/authorize?response_type=code'), undefined)
      assert.equal(await markOf('/oauth/authorize?client_id=moved'), undefined)
      const marks = [await markOf(page), await markOf(page, '/users/sign_in'), await markOf(page, `${at.plane.url}/x`)]
      const shape =
        /^_handover_flow_[0-7]=l[0-9a-z]{6}\.[A-Za-z0-9_-]{22}; Path=\/oauth; Max-Age=86400; HttpOnly; SameSite=Lax$/
      for (const mark of marks) assert.match(mark ?? '', shape)
      await at.snapshot({ version: 8, actors: [2] })
      const cookie = marks[0]?.split(';')[0] ?? ''
      assert.equal((await at.send(page)).side, 'iam')
      assert.deepEqual(await at.send(page, { headers: { cookie } }), { status: 302, side: 'legacy', byGateway: true })
    } finally {
      await at.bed.end()
    }
  })

  test('sends each side its own headers and cookies', async () => {
    const at = await Plane.with({ trustedProxies: ['203.0.113.9'] })
    try {
      const headers = {
        cookie: '_iam_a=1; _session=2; __Host-_iam_b=3; _handover_flow_1=l; c=4',
        'x-forwarded-for': '198.51.100.1',
        x_forwarded_for: '198.51.100.2',
        'x-forwarded-port': '1',
        'gitlab-workhorse-api-request': 'forged',
        gitlab_iam_auth_token: 'forged',
        'x-handover-peer': 'forged',
        'x-kept': 'yes',
      }
      await at.send('/page', { headers })
      const seen = at.legacy.received[0]?.headers ?? {}
      assert.equal(seen.cookie, '_session=2; c=4')
      assert.equal(seen['x-forwarded-for'], '127.0.0.1')
      assert.equal(seen['x-forwarded-host'], new URL(at.plane.url).host)
      assert.equal(seen['x-forwarded-proto'], 'http')
      assert.equal(seen['x-kept'], 'yes')
      for (const name of [
        'x_forwarded_for',
        'x-forwarded-port',
        'gitlab-workhorse-api-request',
        'gitlab_iam_auth_token',
        'x-handover-peer',
      ]) {
        assert.equal(seen[name], undefined, name)
      }
      at.legacy.answer = (_request, response) =>
        void response
          .writeHead(302, { location: `${at.legacy.url}/a?b=${at.legacy.url}`, 'set-cookie': '_iam_x=1' })
          .end()
      const answer = await fetch(`${at.plane.url}/page`, { redirect: 'manual' })
      assert.equal(answer.headers.get('location'), `${at.plane.url}/a?b=${at.legacy.url}`)
      assert.deepEqual(answer.headers.getSetCookie(), [])
    } finally {
      await at.bed.end()
    }
  })

  test('routes by a new snapshot without a new HAProxy', async () => {
    const at = await Plane.with()
    try {
      const pid = at.plane.haproxyPid
      const sideOf = async (client: string) =>
        (await at.token(`grant_type=client_credentials&client_id=${client}`)).side
      await at.snapshot({ version: 8, actors: [2] })
      assert.deepEqual([await sideOf('moved'), await sideOf('staying')], ['legacy', 'iam'])
      await at.snapshot({ version: 9, actors: [], percentage: 100 })
      assert.deepEqual([await sideOf('moved'), await sideOf('staying')], ['iam', 'iam'])
      await at.snapshot({ version: 10, actors: [], percentage: 100, optedOut: [2] })
      assert.deepEqual([await sideOf('moved'), await sideOf('staying')], ['iam', 'legacy'])
      await at.snapshot({ version: 11, percentage: 100, brake: true })
      assert.deepEqual([await sideOf('moved'), await sideOf('staying')], ['legacy', 'legacy'])
      await at.snapshot({ version: 12, rows: [[9, 'newcomer', 1]], boolean: true })
      assert.deepEqual([await sideOf('moved'), await sideOf('newcomer')], ['legacy', 'iam'])
      assert.equal(at.plane.haproxyPid, pid)
    } finally {
      await at.bed.end()
    }
  })

  test('routes everything to legacy while there is no snapshot', async () => {
    const bed = await PlaneBed.make()
    try {
      const legacy = await bed.side('legacy')
      const iam = await bed.side('iam')
      const plane = await bed.plane({ legacyUrl: legacy.url, iamUrl: iam.url })
      const at = new Plane(bed, { legacy, iam, plane })
      const sent = await at.send('/oauth/authorize?client_id=moved')
      assert.deepEqual(sent, { status: 200, side: 'legacy', byGateway: false })
    } finally {
      await bed.end()
    }
  })
})
