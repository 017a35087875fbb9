import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { startDataPlane } from './start.ts'
import { NO_HAPROXY, PlaneBed } from './testing/plane-bed.ts'

const OPENSSL = 'openssl'

test('HAProxy serves HTTP/2 over TLS behind a load balancer that sends the PROXY protocol', {
  skip: NO_HAPROXY,
}, async () => {
  const bed = await PlaneBed.make()
  const legacy = await bed.side('legacy')
  const iam = await bed.side('iam')
  await bed.snapshot()
  const pem = join(bed.directory, 'site.pem')
  const key = join(bed.directory, 'key.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  execFileSync(OPENSSL, ['req', ...kind, ...subject, '-keyout', key, '-out', pem], { stdio: 'ignore' })
  const ca = readFileSync(pem)
  writeFileSync(pem, Buffer.concat([ca, readFileSync(key)]))
  const plane = await startDataPlane(
    {
      program: 'haproxy',
      directory: bed.planeDirectory,
      bindOptions: `ssl crt ${pem} alpn h2,http/1.1 accept-proxy`,
      threads: 1,
      gateway: {
        listen: { host: '127.0.0.1', port: 0 },
        legacyUrl: legacy.url,
        iamUrl: iam.url,
        source: { kind: 'file', path: bed.snapshotFile, environment: 'production' },
        flowKey: new Uint8Array(32),
        keysAheadMs: 3_600_000,
        limits: { drainMs: 500 },
      },
    },
    bed.log,
  )
  try {
    const tcp = connectTcp(plane.address.port, plane.address.host)
    await once(tcp, 'connect')
    tcp.write(`PROXY TCP4 203.0.113.7 127.0.0.1 5000 ${plane.address.port}\r\n`)
    const tls = connectTls({ socket: tcp, ca, servername: 'localhost', ALPNProtocols: ['h2'] })
    await once(tls, 'secureConnect')
    assert.equal(tls.alpnProtocol, 'h2')
    const session = connectHttp2('https://localhost', { createConnection: () => tls })
    const get = async (path: string) => {
      const stream = session.request({ ':path': path })
      const [headers] = (await once(stream, 'response')) as [Record<string, string>]
      stream.resume()
      await once(stream, 'end')
      return headers
    }
    const page = await get('/oauth/authorize?client_id=staying')
    assert.match(String(page['set-cookie']), /^_handover_flow_.*; Secure$/)
    await get('/oauth/authorize?client_id=moved')
    await get('/oauth//authorize?client_id=moved')
    for (const headers of [legacy.received.at(-1)?.headers, ...iam.received.map((one) => one.headers)]) {
      assert.equal(headers?.['x-forwarded-for'], '203.0.113.7')
      assert.equal(headers?.['x-forwarded-proto'], 'https')
      assert.equal(headers?.['x-forwarded-host'], 'localhost')
    }
    assert.equal(iam.received.length, 2)
    session.close()
  } finally {
    await plane.close()
    await bed.end()
  }
})
