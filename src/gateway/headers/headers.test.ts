import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { TrustedProxies } from '../../http/index.ts'
import type { RunningGateway } from '../start.ts'
import { Bed, exchangeBytes, type Side } from '../testing/test-bed.ts'
import { cookiesFor, setCookieFrom } from './cookies.ts'
import { withoutInternalHost } from './response-headers.ts'

let bed: Bed
let legacy: Side
let iam: Side
let open: RunningGateway
let behindProxy: RunningGateway

before(async () => {
  bed = await Bed.make()
  ;({ legacy, iam, gateway: open } = await bed.whole())
  behindProxy = await bed.gateway({
    legacyUrl: legacy.url,
    iamUrl: iam.url,
    trustedProxies: ['10.0.0.0/8', '127.0.0.1'],
  })
})
after(() => bed.end())
beforeEach(() => {
  legacy.received.length = 0
  iam.received.length = 0
})

function get(gateway: RunningGateway, path: string, headers: readonly string[] = []): Promise<string> {
  const lines = ['Host: idp.example', 'Connection: close', ...headers]
  return exchangeBytes(gateway.url, `GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
}

const SPOOFED = [
  'X-Forwarded-For: 1.2.3.4',
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Port: 444',
  'X-Forwarded-Prefix: /evil',
  'X-Real-IP: 1.2.3.4',
  'Client-IP: 1.2.3.4',
  'Forwarded: for=1.2.3.4;host=evil.example;proto=https',
  'X-Request-Id: chosen-by-client',
]

describe('forwarding headers of a request', () => {
  test('are not trusted from an ordinary client', async () => {
    await get(open, '/', SPOOFED)
    const headers = legacy.received[0]?.headers
    assert.equal(headers?.['x-forwarded-for'], '127.0.0.1')
    assert.equal(headers?.['x-forwarded-host'], 'idp.example')
    assert.equal(headers?.['x-forwarded-proto'], 'http')
    assert.equal(headers?.['forwarded'], 'for=127.0.0.1;host="idp.example";proto=http')
    for (const name of ['x-forwarded-port', 'x-forwarded-prefix', 'x-real-ip', 'client-ip'])
      assert.equal(headers?.[name], undefined, name)
    assert.notEqual(headers?.['x-request-id'], 'chosen-by-client')
    assert.match(String(headers?.['x-request-id']), /^[A-Za-z0-9]{19}$/)
  })

  test('are trusted from a trusted proxy, and extended', async () => {
    await get(behindProxy, '/', SPOOFED)
    const headers = legacy.received[0]?.headers
    assert.equal(headers?.['x-forwarded-for'], '1.2.3.4, 127.0.0.1')
    assert.equal(headers?.['x-forwarded-host'], 'evil.example')
    assert.equal(headers?.['x-forwarded-proto'], 'https')
    assert.equal(headers?.['x-forwarded-port'], '444')
    assert.equal(
      headers?.['forwarded'],
      'for=1.2.3.4;host=evil.example;proto=https, for=127.0.0.1;host="idp.example";proto=http',
    )
    assert.equal(headers?.['x-request-id'], 'chosen-by-client')
  })

  test('are not trusted under an alias that an upstream may read the same way', async () => {
    await get(open, '/', [
      'X_Forwarded_For: 1.2.3.4',
      'Gitlab_Workhorse_Api_Request: x',
      'X_Real_Ip: 1.2.3.4',
      'Content_Length: 9',
      'X_Own: 1',
    ])
    const names = legacy.received[0]?.rawHeaders.filter((_text, index) => index % 2 === 0)
    assert.deepEqual(
      names?.filter((name) => name.includes('_')),
      ['X_Own'],
    )
  })

  test('a trusted proxy cannot set an id that would break a log line', async () => {
    await get(behindProxy, '/', ['X-Request-Id: a b"c'])
    assert.match(String(legacy.received[0]?.headers['x-request-id']), /^[A-Za-z0-9]{19}$/)
  })
})

test('Host is kept for either side', async () => {
  await get(open, '/oauth/authorize?client_id=moved')
  await get(open, '/oauth/authorize?client_id=staying')
  assert.deepEqual([iam.received[0]?.headers.host, legacy.received[0]?.headers.host], ['idp.example', 'idp.example'])
})

test('internal headers from outside are dropped, even from a trusted proxy', async () => {
  for (const gateway of [open, behindProxy]) {
    await get(gateway, '/', [
      'Gitlab-Workhorse: v1',
      'Gitlab-Workhorse-Api-Request: jwt',
      'GITLAB-IAM-Auth-Token: t',
      'Gitlab-Other: kept',
    ])
    const headers = legacy.received.at(-1)?.headers ?? {}
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith('gitlab')),
      ['gitlab-other'],
    )
  }
})

test('hop-by-hop headers are dropped, traceparent passes', async () => {
  await get(open, '/', [
    'Keep-Alive: timeout=5',
    'TE: trailers',
    'Proxy-Authorization: x',
    'Proxy-Connection: y',
    'Trailer: X',
    'traceparent: 00-1-2-01',
  ])
  const headers = legacy.received[0]?.headers ?? {}
  for (const name of ['keep-alive', 'te', 'proxy-authorization', 'proxy-connection', 'trailer'])
    assert.equal(headers[name], undefined, name)
  assert.equal(headers['traceparent'], '00-1-2-01')
})

describe('cookies', () => {
  test('each side receives only its own', async () => {
    const cookies = ['Cookie: _gitlab_session=abc; _iam_flow=def; x="a;b"', 'Cookie: __Host-_iam_s=1; last=2']
    await get(open, '/oauth/authorize?client_id=moved', cookies)
    await get(open, '/oauth/authorize?client_id=staying', cookies)
    assert.equal(iam.received[0]?.headers.cookie, '_iam_flow=def; __Host-_iam_s=1')
    assert.equal(legacy.received[0]?.headers.cookie, '_gitlab_session=abc; x="a; b"; last=2')
  })

  test('a request with cookies of the other side only has no Cookie header', async () => {
    await get(open, '/oauth/authorize?client_id=moved', ['Cookie: _gitlab_session=abc'])
    assert.equal(iam.received[0]?.headers.cookie, undefined)
    assert.equal(cookiesFor('legacy', '_iam_a=1'), '')
  })

  test('each side sets only its own', async () => {
    const plain = [legacy.answer, iam.answer] as const
    for (const side of [legacy, iam]) {
      side.answer = (_request, response) =>
        void response.writeHead(200, ['Set-Cookie', '_iam_a=1; Path=/', 'Set-Cookie', 'b=2; Path=/']).end()
    }
    assert.deepEqual((await get(open, '/')).match(/Set-Cookie: \S+/g), ['Set-Cookie: b=2;'])
    assert.deepEqual((await get(open, '/oauth/authorize?client_id=moved')).match(/Set-Cookie: \S+/g), [
      'Set-Cookie: _iam_a=1;',
    ])
    ;[legacy.answer, iam.answer] = plain
  })

  test('a cookie without a value, or with spaces around its name, is still assigned to its side', () => {
    assert.equal(setCookieFrom('legacy', ' _iam_a ; Path=/'), undefined)
    assert.equal(setCookieFrom('iam', '_iam_a'), '_iam_a')
    assert.equal(cookiesFor('iam', ' _iam_a = 1 ;b; '), '_iam_a = 1')
  })
})

describe('responses', () => {
  test('an upstream’s own address never appears', async () => {
    const plain = iam.answer
    iam.answer = (_request, response) => {
      const location = `http://${iam.host}/oauth/next?a=http://${iam.host}/`
      response
        .writeHead(302, {
          Location: location,
          'Content-Location': `//${legacy.host}/x`,
          Refresh: `0; url=http://${iam.host}/y`,
        })
        .end()
    }
    const direct = await get(open, '/oauth/authorize?client_id=moved')
    assert.match(direct, new RegExp(`\r\nLocation: http://idp\\.example/oauth/next\\?a=http://${iam.host}/\r\n`))
    assert.match(direct, /\r\nContent-Location: http:\/\/idp\.example\/x\r\n/)
    assert.match(direct, /\r\nRefresh: 0; url=http:\/\/idp\.example\/y\r\n/)
    const proxied = await get(behindProxy, '/oauth/authorize?client_id=moved', [
      'X-Forwarded-Proto: https',
      'X-Forwarded-Host: login.example',
    ])
    assert.match(proxied, /\r\nLocation: https:\/\/login\.example\/oauth\/next/)
    iam.answer = plain
  })

  test('other addresses are left unchanged', () => {
    const by = { internalHosts: ['iam:8084'], publicOrigin: () => 'https://idp.example' }
    const cases: Array<[string, string]> = [
      ['/relative', '/relative'],
      ['https://app.example/cb?next=http://iam:8084/', 'https://app.example/cb?next=http://iam:8084/'],
      ['http://iam:80840/x', 'http://iam:80840/x'],
      ['http://iam:8084.evil.example/', 'http://iam:8084.evil.example/'],
      ['myapp://iam:8084/cb', 'myapp://iam:8084/cb'],
      ['HTTP://IAM:8084', 'https://idp.example'],
      ['https://iam:8084?x', 'https://idp.example?x'],
      ['http://user@iam:8084/x', 'https://idp.example/x'],
    ]
    for (const [from, to] of cases) assert.equal(withoutInternalHost(from, by), to)
  })

  test('hop-by-hop headers of a response, including those named in Connection, are dropped', async () => {
    const plain = legacy.answer
    legacy.answer = (_request, response) => {
      response.writeHead(200, [
        'Connection',
        'X-Own, keep-alive',
        'X-Own',
        '1',
        'Proxy-Authenticate',
        'Basic',
        'Keep-Alive',
        'timeout=1',
        'Upgrade',
        'h2c',
        'X-Kept',
        '1',
      ])
      response.end()
    }
    const answer = await get(open, '/')
    assert.match(answer, /\r\nX-Kept: 1\r\n/)
    assert.doesNotMatch(answer, /x-own|proxy-authenticate|timeout=1|upgrade/i)
    legacy.answer = plain
  })
})

describe('trusted proxies', () => {
  test('are matched by address and range, of either family', () => {
    const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.1', '2001:db8::/32'])
    const cases: Array<[string, boolean]> = [
      ['10.200.3.4', true],
      ['11.0.0.1', false],
      ['192.0.2.1', true],
      ['192.0.2.2', false],
      ['2001:db8::5', true],
      ['2001:db9::5', false],
      ['', false],
    ]
    for (const [address, expected] of cases) assert.equal(proxies.has(address), expected, address)
  })

  test('that are not valid ranges are refused', () => {
    for (const range of ['10.0.0.0/33', '10.0.0/8', 'proxy.example', '10.0.0.0/', '::1/129', '']) {
      assert.throws(() => new TrustedProxies([range]), RangeError, range)
    }
  })
})

describe('the cookies of an IAM with unmarked cookies', () => {
  const iam = { authorizePath: '/realms/x/protocol/openid-connect/auth' }
  const rows: Array<[string, string]> = [
    ['SESSION=1; HttpOnly', '_iam_SESSION=1; HttpOnly'],
    ['__Host-s=1; Path=/; Secure', '__Host-_iam_s=1; Path=/; Secure'],
    ['__Secure-s=a=b; Path=/up', '__Secure-_iam_s=a=b; Path=/up'],
    ['_iam_own=1', '_iam__iam_own=1'],
    ['_handover_flow_1=forged', '_iam__handover_flow_1=forged'],
    ['AUTH=1;Path=/realms/x/;Secure', '_iam_AUTH=1; Path=/;Secure'],
    ['AUTH=1; path = /realms/x ; Secure', '_iam_AUTH=1; Path=/; Secure'],
    [
      'resume=1; Path=/realms/x/protocol/openid-connect/auth/17',
      '_iam_resume=1; Path=/realms/x/protocol/openid-connect/auth/17',
    ],
    ['other=1; Path=/realms/xy', '_iam_other=1; Path=/realms/xy'],
  ]
  for (const [sent, received] of rows) {
    test(sent, () => {
      assert.equal(setCookieFrom(iam, sent), received)
      const pair = (cookie: string) => cookie.split(';', 1)[0] ?? ''
      assert.equal(cookiesFor(iam, `_session=legacy; ${pair(received)}; _handover_flow_1=x`), pair(sent))
      assert.equal(cookiesFor('legacy', `_session=legacy; ${pair(received)}`), '_session=legacy')
    })
  }

  test('IAM receives none that it did not set', () => {
    assert.equal(cookiesFor(iam, '_session=legacy; SESSION=1'), '')
  })
})
