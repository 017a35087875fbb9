import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Answer, CALLBACK, clientId, SIDES, type SideName, type Site, secretOf, startSite } from './site.ts'

const MINUTE = { count: 6, seconds: 60 }

/** RFC 6585 §4 and RFC 6749 §5.2: the answer to a client that exceeds a limit. */
function assertTooMany(answer: Answer, error = 'temporarily_unavailable'): void {
  assert.equal(answer.status, 429, answer.body)
  assert.equal(answer.json['error'], error)
  assert.equal(typeof answer.json['error_description'], 'string')
  assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.match(String(answer.headers['content-type']), /^application\/json/)
}

describe('brute force', () => {
  let site: Site
  before(async () => {
    site = await startSite({
      limits: { clientFailures: MINUTE, addressFailures: { count: 20, seconds: 60 } },
      monolith: { limits: { signIn: { place: { count: 10, seconds: 600 }, name: { count: 12, seconds: 3_600 } } } },
    })
  })
  after(() => site?.close())

  const credentials = (side: SideName, secret: string) => ({ client_id: clientId(side), client_secret: secret })
  const clientCredentials = (side: SideName, secret: string, from: string, headers = {}) =>
    site.send('/oauth/token', {
      form: { grant_type: 'client_credentials', ...credentials(side, secret) },
      from,
      headers,
    })

  for (const side of SIDES) {
    describe(`against ${side}`, () => {
      const host = side === 'iam' ? 1 : 2
      const at = (number: number) => `127.${host}.0.${number}`

      test('of a secret is rejected after six guesses, on every endpoint that accepts one', async () => {
        const from = at(1)
        for (let guess = 0; guess < 6; guess++) {
          assert.equal((await clientCredentials(side, `guess ${guess}`, from)).status, 401)
        }
        assertTooMany(await clientCredentials(side, 'guess 7', from))
        for (const path of ['/oauth/revoke', '/oauth/introspect', '/oauth/authorize_device']) {
          assertTooMany(
            await site.send(path, {
              form: { token: side === 'iam' ? 'gliamat-x' : 'x', ...credentials(side, 'guess 8') },
              from,
            }),
          )
        }
        const basic = Buffer.from(`${clientId(side)}:guess 9`).toString('base64')
        const form = { grant_type: 'client_credentials' }
        assertTooMany(await site.send('/oauth/token', { form, from, headers: { authorization: `Basic ${basic}` } }))
      })

      test('learns nothing from the answer: beyond the limit the right secret is answered like a wrong one', async () => {
        const from = at(2)
        for (let guess = 0; guess < 6; guess++) await clientCredentials(side, `guess ${guess}`, from)
        const wrong = await clientCredentials(side, 'wrong', from)
        const right = await clientCredentials(side, secretOf(side), from)
        assertTooMany(right)
        assert.equal(right.body, wrong.body)
      })

      test('from one address does not lock the client out elsewhere', async () => {
        for (let guess = 0; guess < 8; guess++) await clientCredentials(side, `guess ${guess}`, at(3))
        assert.equal((await clientCredentials(side, secretOf(side), at(4))).status, 200)
      })

      test('is neither evaded by a forged X-Forwarded-For, nor attributed to another address', async () => {
        const from = at(5)
        const victim = at(6)
        let last: Answer | undefined
        for (let guess = 0; guess < 8; guess++) {
          const forged = {
            'x-forwarded-for': guess % 2 === 0 ? victim : `203.0.113.${guess}`,
            'x-real-ip': victim,
            forwarded: `for=${victim}`,
          }
          last = await clientCredentials(side, `guess ${guess}`, from, forged)
        }
        assert.ok(last)
        assertTooMany(last)
        assert.equal((await clientCredentials(side, secretOf(side), victim)).status, 200)
      })

      test('does not include a client that repeats an old secret', async () => {
        const from = at(7)
        for (let time = 0; time < 12; time++) {
          assert.equal((await clientCredentials(side, 'the secret of last year', from)).status, 401)
        }
        assert.equal((await clientCredentials(side, secretOf(side), from)).status, 200)
      })

      test('sent concurrently is rejected like consecutive guesses', async () => {
        const guesses = Array.from({ length: 60 }, (_, guess) => clientCredentials(side, `guess ${guess}`, at(8)))
        const answers = await Promise.all(guesses)
        const looked = answers.filter(({ status }) => status === 401).length
        assert.ok(looked <= 12, `${looked} guesses were looked at`)
      })

      test('of codes and refresh tokens is rejected after twenty, except for the client with its secret', async () => {
        const from = at(9)
        const publicGuess = (guess: number) =>
          site.send('/oauth/token', {
            form: {
              grant_type: 'refresh_token',
              client_id: clientId(side, 'phone'),
              refresh_token: `${side === 'iam' ? 'gliamrt-' : ''}${guess}`,
            },
            from,
          })
        for (let guess = 0; guess < 20; guess++) assert.equal((await publicGuess(guess)).status, 400)
        assertTooMany(await publicGuess(20))
        for (let code = 0; code < 30; code++) {
          const form = { grant_type: 'authorization_code', code: `c${code}`, redirect_uri: CALLBACK }
          const answer = await site.send('/oauth/token', {
            form: { ...form, ...credentials(side, secretOf(side)) },
            from,
          })
          assert.deepEqual([answer.status, answer.json['error']], [400, 'invalid_grant'])
        }
        assert.equal((await clientCredentials(side, secretOf(side), from)).status, 200)
      })

      test('of access tokens is rejected on every resource', async () => {
        const from = at(10)
        const prefix = side === 'iam' ? 'gliamat-' : ''
        const bearer = (path: string, guess: string, by = from) =>
          site.send(path, { from: by, headers: { authorization: `Bearer ${prefix}${guess}` } })
        for (let guess = 0; guess < 20; guess++) {
          const answer = await bearer(guess % 2 ? '/oauth/userinfo' : '/oauth/token/info', `g${guess}`)
          assert.equal(answer.status, 401)
        }
        assertTooMany(await bearer('/oauth/userinfo', 'g20'))
        assertTooMany(await bearer('/oauth/token/info', 'g21'))
        for (let guess = 0; guess < 20; guess++)
          assert.equal((await bearer('/api/v4/user', `g${guess}`, at(14))).status, 401)
        assertTooMany(await bearer('/api/v4/user', 'g20', at(14)))
        const keys = await site.send('/oauth/discovery/keys', { from })
        assert.equal(keys.status, 200, 'what takes no credential is still there')
      })

      test('tells a device to slow down, not to stop', async () => {
        const from = at(11)
        const poll = (code: string) =>
          site.send('/oauth/token', {
            form: {
              grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
              client_id: clientId(side, 'phone'),
              device_code: `${side === 'iam' ? 'gliamdc-' : ''}${code}`,
            },
            from,
          })
        for (let guess = 0; guess < 20; guess++) await poll(`d${guess}`)
        assertTooMany(await poll('d20'), 'slow_down')
      })

      test('of a password by the password grant is rejected, and the user is not locked out elsewhere', async () => {
        const grant = (password: string, from: string) =>
          site.send('/oauth/token', {
            form: {
              grant_type: 'password',
              username: side === 'iam' ? 'alice' : 'bob',
              password,
              ...credentials(side, secretOf(side)),
            },
            from,
          })
        for (let guess = 0; guess < 10; guess++) {
          assert.equal((await grant(`guess ${guess}`, at(12))).json['error'], 'invalid_grant')
        }
        assertTooMany(await grant('guess 10', at(12)))
        const right = `${side === 'iam' ? 'alice' : 'bob'}-password`
        assert.equal((await grant(right, at(13))).status, 200)
      })
    })
  }

  describe('against the sign-in page', () => {
    const signIn = async (login: string, password: string, from: string) => {
      const page = await site.send('/users/sign_in', { from })
      const token = /name="authenticity_token" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
      const cookie = (page.headers['set-cookie'] ?? []).map((line) => line.split(';', 1)[0]).join('; ')
      const form = { authenticity_token: token, 'user[login]': login, 'user[password]': password }
      return site.send('/users/sign_in', { form, from, headers: { cookie } })
    }

    test('of one user from one address is rejected, and neither the user nor the neighbour is locked out', async () => {
      for (let guess = 0; guess < 10; guess++) {
        assert.equal((await signIn('mallory', `guess ${guess}`, '127.4.0.1')).status, 200)
      }
      const refused = await signIn('mallory', 'mallory-password', '127.4.0.1')
      assert.equal(refused.status, 429)
      assert.match(String(refused.headers['retry-after']), /^[1-9]\d*$/)
      assert.match(refused.body, /Too many failed attempts/)
      assert.equal((await signIn('mallory', 'mallory-password', '127.4.0.2')).status, 302)
      assert.equal((await signIn('bob', 'bob-password', '127.4.0.1')).status, 302)
    })

    test('of one user from everywhere does not lock the user out where they are known', async () => {
      assert.equal((await signIn('mallory', 'mallory-password', '127.4.1.1')).status, 302)
      let refused = 0
      for (let guess = 0; guess < 12; guess++) {
        const answer = await signIn('mallory', `wrong ${guess}`, `127.4.2.${guess}`)
        if (answer.status === 429) refused++
      }
      assert.ok(refused > 5, `${refused} were refused`)
      assert.equal((await signIn('mallory', 'mallory-password', '127.4.3.1')).status, 429)
      assert.equal((await signIn('mallory', 'mallory-password', '127.4.1.1')).status, 302)
    })
  })

  test('leaves one log line for each kind, with neither secret nor guess', () => {
    const lines = site.log.filter((line) => line.includes('rate_limited'))
    assert.ok(lines.length > 0 && lines.length < 40, `${lines.length}`)
    assert.ok(lines.every((line) => !/guess|secret-of|password"/.test(line.replaceAll('password_guesses', ''))))
  })

  test('is counted in the metrics of IAM', async () => {
    const text = await (await fetch(`${site.iam.internalUrl}/metrics`)).text()
    assert.match(text, /handover_iam_rate_limited_total\{endpoint="token",limit="client_failures"\} [1-9]/)
    assert.match(text, /handover_iam_rate_limited_total\{endpoint="userinfo",limit="address_failures"\} [1-9]/)
  })
})

describe('a flood', () => {
  let site: Site
  before(async () => {
    site = await startSite({
      limits: {
        addressRequests: { count: 30, seconds: 60 },
        deviceStarts: { count: 5, seconds: 60 },
        clientRequests: { count: 10, seconds: 60 },
      },
    })
  })
  after(() => site?.close())

  for (const side of SIDES) {
    const host = side === 'iam' ? 1 : 2

    test(`of requests to ${side} from one address is limited, with a page where users see it`, async () => {
      const from = `127.${host}.1.1`
      const path = `/oauth/authorize?client_id=${clientId(side)}&redirect_uri=${CALLBACK}&response_type=code`
      for (let request = 0; request < 30; request++) await site.send(path, { from })
      const page = await site.send(path, { from })
      assert.equal(page.status, 429)
      assert.match(String(page.headers['content-type']), /^text\/html/)
      assert.match(String(page.headers['retry-after']), /^[1-9]\d*$/)
      assert.equal(page.headers['cache-control'], 'no-store')
      assertTooMany(await site.send('/oauth/token', { form: { grant_type: 'x', client_id: clientId(side) }, from }))
      assert.notEqual((await site.send(path, { from: `127.${host}.1.2` })).status, 429)
    })

    test(`of device codes from ${side} is limited`, async () => {
      const start = (from: string) =>
        site.send('/oauth/authorize_device', { form: { client_id: clientId(side, 'phone') }, from })
      for (let device = 0; device < 5; device++) assert.equal((await start(`127.${host}.2.1`)).status, 200)
      assertTooMany(await start(`127.${host}.2.1`))
      assert.equal((await start(`127.${host}.2.2`)).status, 200)
    })

    test(`in the name of a client does not limit the client at ${side}`, async () => {
      const ask = (secret: string, from: string) =>
        site.send('/oauth/token', {
          form: { grant_type: 'client_credentials', client_id: clientId(side), client_secret: secret },
          from,
        })
      for (let request = 0; request < 25; request++) await ask('wrong', `127.${host}.3.${request}`)
      for (let request = 0; request < 10; request++) {
        assert.equal((await ask(secretOf(side), `127.${host}.4.1`)).status, 200)
      }
      assertTooMany(await ask(secretOf(side), `127.${host}.4.1`))
    })
  }
})

describe('a flood of unfinished sign-ins', () => {
  let site: Site
  before(async () => {
    site = await startSite({ limits: { loginStarts: { count: 8, seconds: 60 } }, iam: { maxOpenLogins: 12 } })
  })
  after(() => site?.close())

  const begin = (from: string, at = site.url) => {
    const path = `/oauth/authorize?client_id=${clientId('iam')}&redirect_uri=${CALLBACK}&response_type=code`
    return at === site.url ? site.send(path, { from }) : fetch(at + path, { redirect: 'manual' })
  }

  test('from one address is limited, and other addresses are not', async () => {
    for (let login = 0; login < 8; login++) assert.equal((await begin('127.3.0.1')).status, 302)
    const refused = await begin('127.3.0.1')
    assert.equal(refused.status, 429)
    assert.equal((await begin('127.3.0.2')).status, 302)
  })

  test('from many addresses fills IAM only up to its limit: new flows go to the monolith', async () => {
    for (let login = 0; login < 6; login++) await begin(`127.3.1.${login}`)
    const direct = await begin('', site.iam.url)
    assert.equal(direct.status, 503)
    assert.ok(direct.headers instanceof Headers && direct.headers.get('retry-after') === '30')
    const failedOver = await begin('127.3.2.1')
    assert.equal(failedOver.status, 302)
    assert.equal(failedOver.headers instanceof Headers ? '' : failedOver.headers.location, `${site.url}/users/sign_in`)
  })
})
