import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import {
  startTestControlPlane,
  type TestControlPlane,
  testApplication,
} from '../../../../test/support/control-plane.ts'
import { type TestDatabase, testDatabases } from '../../../../test/support/database.ts'

const FLAG = '/api/v4/features/proxy_oauth_requests_to_iam_service'
const PATHS = ['/api/v4/internal/workhorse/oauth_routing', '/-/oauth/iam_routing']

/** The signature as Go's jwt library makes it: claims in the order of its struct. */
function workhorseSignature(secret: Uint8Array): string {
  const encode = (document: unknown) => Buffer.from(JSON.stringify(document)).toString('base64url')
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ iss: 'gitlab-workhorse', iat: Math.floor(Date.now() / 1_000) })}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/**
 * The request of Workhorse 18 to its Rails backend, byte for byte: a POST without a body, the query replaced by
 * client_id, the browser's headers copied except those that describe the body, Go's own at the end.
 */
function workhorseRequest(path: string, clientId: string, secret: Uint8Array): string {
  return [
    `POST ${path}?client_id=${encodeURIComponent(clientId)} HTTP/1.1`,
    'Host: gitlab.example.test',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
    'Content-Length: 0',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'Accept-Language: en-US,en;q=0.5',
    `Authorization: Basic ${Buffer.from('client-2:of-the-browser').toString('base64')}`,
    'Cookie: _gitlab_session=of-the-browser; _iam_flow_0123456789abcdef=of-the-browser',
    'Gitlab-Workhorse: v18.7.0',
    `Gitlab-Workhorse-Api-Request: ${workhorseSignature(secret)}`,
    'Sec-Fetch-Dest: document',
    'X-Forwarded-For: 203.0.113.9',
    'X-Forwarded-Proto: https',
    'Accept-Encoding: gzip',
    '',
    '',
  ].join('\r\n')
}

/** Sends bytes and reads one response with a Content-Length. */
function exchange(url: string, bytes: string): Promise<{ head: string; body: string }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes))
    let text = ''
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no whole answer: ${text}`)))
    socket.on('error', reject).on('data', (chunk) => {
      text += chunk.toString('latin1')
      const [head = '', body] = text.split('\r\n\r\n')
      const length = /^content-length: (\d+)$/im.exec(head)
      if (body === undefined || length === null || body.length < Number(length[1])) return
      socket.destroy()
      resolve({ head, body })
    })
  })
}

const [engine] = testDatabases()

describe("GitLab's Workhorse queries where a client goes", () => {
  let store: TestDatabase
  let plane: TestControlPlane

  before(async () => {
    if (!engine) throw new Error('no database')
    store = await engine.open()
    plane = await startTestControlPlane(store.database)
    for (const id of [1, 2]) await plane.announce(testApplication(id))
    await plane.ask('POST', FLAG, { json: { value: 'true', oauth_application: '1' } })
  })
  after(async () => {
    await plane.close()
    await store.close()
  })

  for (const path of PATHS) {
    test(`its request is answered at ${path}`, async () => {
      for (const [clientId, destination] of [
        ['client-1', 'iam'],
        ['client-2', 'rails'],
        ['nobody', 'rails'],
        ['', 'rails'],
      ] as const) {
        const { head, body } = await exchange(plane.url, workhorseRequest(path, clientId, plane.routingSecret))
        assert.match(head, /^HTTP\/1\.1 200 OK\r\n/)
        // Workhorse compares the whole content type, so not even a charset may follow it.
        assert.match(head, /^content-type: application\/vnd\.gitlab-workhorse\+json\r?$/im)
        assert.equal(body, JSON.stringify({ destination }))
      }
    })

    test(`with another secret it is refused at ${path}`, async () => {
      const { head } = await exchange(plane.url, workhorseRequest(path, 'client-1', Buffer.alloc(32, 1)))
      assert.match(head, /^HTTP\/1\.1 403 /)
    })
  }
})
