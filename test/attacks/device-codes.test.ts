import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { press, signedInBrowser, textOfPage } from '../support/monolith-platform.ts'
import { clientId, SIDES, type SideName, type Site, startSite } from './site.ts'

const LIMITS = { user: { count: 4, seconds: 600 }, all: { count: 6, seconds: 300 } }

async function startDevice(site: Site, side: SideName): Promise<{ user: string; device: string }> {
  const answer = await site.send('/oauth/authorize_device', {
    form: { client_id: clientId(side, 'phone'), scope: 'read_user' },
  })
  assert.equal(answer.status, 200, answer.body)
  return { user: String(answer.json['user_code']), device: String(answer.json['device_code']) }
}

async function poll(site: Site, side: SideName, device: string): Promise<string> {
  const answer = await site.send('/oauth/token', {
    form: {
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      client_id: clientId(side, 'phone'),
      device_code: device,
    },
  })
  return answer.status === 200 ? 'tokens' : String(answer.json['error'])
}

for (const side of SIDES) {
  describe(`guessing user codes of ${side}`, () => {
    let site: Site
    before(async () => {
      site = await startSite({
        monolith: { limits: { userCodes: LIMITS, signIn: {} }, testControls: true },
        iam: { userCodeLimits: { user: LIMITS.user }, testControls: true },
      })
    })
    after(() => site?.close())
    beforeEach(async () => {
      for (const { url } of [site.monolith, site.iam]) {
        assert.equal((await fetch(`${url}/__lab/reset`, { method: 'POST' })).status, 204)
      }
    })

    const type = async (browser: Browser, code: string) =>
      press(browser, await browser.visit(`${site.url}/oauth/device`), 'Authorize', { user_code: code })

    test('stops after four, even with the right one, and continues later', async () => {
      const mallory = await signedInBrowser(site.url, 'mallory')
      const { user, device } = await startDevice(site, side)
      for (let guess = 0; guess < 4; guess++) assert.equal((await type(mallory, `GUESS00${guess}`)).status, 302)
      const refused = await type(mallory, user)
      assert.equal(refused.status, 429)
      const wait = Number(refused.headers.get('retry-after'))
      assert.ok(wait > 500 && wait <= 600, `${wait}`)
      assert.equal(refused.headers.get('cache-control'), 'no-store')
      assert.match(textOfPage(refused), /^Too many attempts/)
      assert.equal(await poll(site, side, device), 'authorization_pending')
      await fetch(`${site.monolith.url}/__lab/advance?seconds=601`, { method: 'POST' })
      await fetch(`${site.iam.url}/__lab/advance?seconds=601`, { method: 'POST' })
      const fresh = await startDevice(site, side)
      await type(mallory, fresh.user)
      assert.equal(await poll(site, side, fresh.device), 'tokens')
    })

    test('is answered as JSON on request', async () => {
      const mallory = await signedInBrowser(site.url, 'mallory')
      const page = await mallory.visit(`${site.url}/oauth/device`)
      const fields = Object.fromEntries(page.forms[0]?.fields ?? [])
      const send = (user_code: string) =>
        mallory.visit(`${site.url}/oauth/device`, {
          form: { ...fields, user_code },
          headers: { accept: 'application/json' },
        })
      for (let guess = 0; guess < 4; guess++) assert.equal((await send(`GUESS00${guess}`)).status, 422)
      const refused = await send('GUESS999')
      assert.equal(refused.status, 429)
      assert.equal((JSON.parse(refused.text) as { error: string }).error, 'temporarily_unavailable')
    })

    test('concurrently from several browsers is counted like consecutive guesses', async () => {
      const browsers = await Promise.all([1, 2, 3].map(() => signedInBrowser(site.url, 'mallory')))
      const pages = await Promise.all(browsers.map((browser) => browser.visit(`${site.url}/oauth/device`)))
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, guess) => {
          const at = guess % 3
          const page = pages[at]
          assert.ok(page)
          return press(browsers[at] as Browser, page, 'Authorize', { user_code: `GUESS${100 + guess}` })
        }),
      )
      const looked = answers.filter(({ status }) => status !== 429).length
      assert.equal(looked, 4)
    })

    test('by many users together stops as well, but not for a user without a wrong guess', async () => {
      const { user, device } = await startDevice(site, side)
      const mallory = await signedInBrowser(site.url, 'mallory')
      for (let guess = 0; guess < 4; guess++) await type(mallory, `MALLORY${guess}`)
      const bob = await signedInBrowser(site.url, 'bob')
      for (let guess = 0; guess < 2; guess++) assert.equal((await type(bob, `BOBGUES${guess}`)).status, 302)
      assert.equal((await type(bob, 'BOBGUES3')).status, 429)
      const alice = await signedInBrowser(site.url, 'alice')
      await type(alice, user)
      assert.equal(await poll(site, side, device), 'tokens')
    })

    test('does not include a right code, however many devices a user has', async () => {
      const alice = await signedInBrowser(site.url, 'alice')
      for (let count = 0; count < 6; count++) {
        const { user, device } = await startDevice(site, side)
        await type(alice, user)
        assert.equal(await poll(site, side, device), 'tokens')
      }
    })

    test('by a link has no effect without the form of the page', async () => {
      const { user, device } = await startDevice(site, side)
      const alice = await signedInBrowser(site.url, 'alice')
      await alice.visit(`${site.url}/oauth/device?user_code=${user}`)
      const forged = await alice.visit(`${site.url}/oauth/device`, {
        form: { user_code: user },
        headers: { origin: 'https://evil.example.test' },
      })
      assert.equal(forged.status, 422)
      assert.equal(await poll(site, side, device), 'authorization_pending')
    })
  })
}

describe('a device that requests a stranger’s approval (RFC 8628 §5.4), where devices are confirmed', () => {
  let site: Site
  before(async () => {
    site = await startSite({ monolith: { confirmDevice: true, limits: { userCodes: LIMITS, signIn: {} } } })
  })
  after(() => site?.close())

  for (const side of SIDES) {
    test(`of ${side} is shown with name, scopes and code before it is approved`, async () => {
      const { user, device } = await startDevice(site, side)
      const alice = await signedInBrowser(site.url, 'alice')
      const prompt = await press(alice, await alice.visit(`${site.url}/oauth/device?user_code=${user}`), 'Authorize')
      assert.equal(prompt.status, 200)
      assert.equal(prompt.headers.get('cache-control'), 'no-store')
      const text = textOfPage(prompt)
      assert.match(text, new RegExp(`The phone client of ${side} .* read_user .*${user}`))
      assert.equal(await poll(site, side, device), 'authorization_pending')
      const done = await alice.follow(await press(alice, prompt, 'Authorize'))
      assert.match(textOfPage(done), /^Device successfully authorized/)
    })

    test(`of ${side} is not approved by a confirmation of another code`, async () => {
      const shown = await startDevice(site, side)
      const hidden = await startDevice(site, side)
      const alice = await signedInBrowser(site.url, 'alice')
      const page = await alice.visit(`${site.url}/oauth/device?user_code=${shown.user}`)
      const prompt = await press(alice, page, 'Authorize')
      const answer = await press(alice, prompt, 'Authorize', { user_code: hidden.user })
      assert.match(textOfPage(answer), new RegExp(hidden.user))
      assert.equal(await poll(site, side, hidden.device), 'authorization_pending')
    })
  }

  test('is not shown unless the guess is counted', async () => {
    const mallory = await signedInBrowser(site.url, 'mallory')
    const page = await mallory.visit(`${site.url}/oauth/device`)
    for (let guess = 0; guess < 4; guess++) await press(mallory, page, 'Authorize', { user_code: `GUESS00${guess}` })
    assert.equal((await press(mallory, page, 'Authorize', { user_code: 'GUESS999' })).status, 429)
  })
})
