import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { Bed, exchangeBytes, startGatewayProcess } from '../testing/test-bed.ts'

const OPENSSL = 'openssl'

function hasOpenssl(): boolean {
  try {
    execFileSync(OPENSSL, ['version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('an upstream over TLS', { skip: !hasOpenssl() && 'openssl makes the certificate' }, () => {
  let bed: Bed
  let server: Server
  let certificate: string
  let port: number
  const names: unknown[] = []
  let connections = 0

  before(async () => {
    bed = await Bed.make()
    certificate = join(bed.directory, 'certificate.pem')
    const key = join(bed.directory, 'key.pem')
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    const files = ['-keyout', key, '-out', certificate]
    execFileSync(OPENSSL, ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...files, ...subject], {
      stdio: 'ignore',
    })
    server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (message, response) => {
      names.push((message.socket as TLSSocket & { servername?: unknown }).servername)
      response.end(message.headers.host)
    })
    server.on('secureConnection', () => connections++)
    server.on('upgrade', (_message, socket) => {
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  })
  after(async () => {
    server.close()
    server.closeAllConnections()
    await bed.end()
  })

  const get = async (url: string, host: string) =>
    (await exchangeBytes(url, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).split('\r\n\r\n')[1]

  for (const [host, name] of [
    ['localhost', 'localhost'],
    ['127.0.0.1', false],
  ] as const) {
    test(`is verified by its own name, ${host}, whatever Host says, on one connection`, async () => {
      names.length = 0
      connections = 0
      const own = await startGatewayProcess({ legacyUrl: `https://${host}:${port}` }, certificate)
      for (const asked of ['a.example', 'b.example', 'a.example']) assert.equal(await get(own.url, asked), asked)
      assert.deepEqual([names, connections], [[name, name, name], 1])
      const handshake = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
      assert.match(await exchangeBytes(own.url, handshake), /^HTTP\/1\.1 101 /)
      own.stop()
    })
  }

  test('with an untrusted certificate receives no request', async () => {
    const front = await bed.gateway({ legacyUrl: `https://localhost:${port}` })
    names.length = 0
    assert.match(
      await exchangeBytes(front.url, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
      /^HTTP\/1\.1 502 /,
    )
    assert.deepEqual(names, [])
  })
})
