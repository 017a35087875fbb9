import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from '../../../test/support/browser.ts'
import { type TestDatabase, testDatabases } from '../../../test/support/database.ts'
import {
  authorizePath,
  fieldsOf,
  press,
  signedInBrowser,
  startPlatform,
  textOfPage,
} from '../../../test/support/monolith-platform.ts'
import { startTargetServer, type TargetServer } from '../../../test/support/replication-target.ts'
import { eventually } from '../../../test/support/wait.ts'
import { secretDigest } from '../applications/registry.ts'
import type { RunningMonolith } from '../index.ts'

const PATH = '/-/profile/applications'

for (const engine of testDatabases()) {
  describe(`OAuth applications of users on ${engine.kind}`, () => {
    let store: TestDatabase
    let iam: TargetServer
    let control: TargetServer
    let monolith: RunningMonolith
    let alice: Browser
    const start = () =>
      startPlatform(store.database, {
        iam: { internalUrl: iam.url, token: iam.token },
        control: { url: control.url, token: control.token },
      })
    before(async () => {
      store = await engine.open()
      iam = await startTargetServer()
      control = await startTargetServer()
      monolith = await start()
      alice = await signedInBrowser(monolith.url)
    })
    after(async () => {
      await monolith.close()
      await Promise.all([iam.stop(), control.stop()])
      await store.close()
    })
    const at = (path: string) => `${monolith.url}${path}`
    const create = async (browser: Browser, fields: Record<string, string> = {}): Promise<Page> =>
      press(browser, await browser.visit(at(`${PATH}/new`)), 'Save application', {
        'application[name]': 'Mine',
        'application[redirect_uri]': 'https://mine.example.test/callback',
        ...fields,
      })
    const secretOn = (page: Page) => /<pre id="secret">([^<]+)</.exec(page.text)?.[1]
    const idOn = (page: Page) => Number(/applications\/(\d+)\/edit/.exec(page.text)?.[1])
    const clientIdOn = (page: Page) => /<code>([0-9a-f]{64})<\/code>/.exec(page.text)?.[1] ?? ''

    test('the seed has reached IAM and the control plane', async () => {
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.deepEqual([...iam.held.keys()].sort(), [1, 2, 3])
      assert.equal(control.held.get(1)?.iamVersion, 1)
      assert.equal(control.held.get(1)?.application.secret_digest, secretDigest('web-secret'))
      assert.equal(control.held.get(2)?.application.secret_digest, null)
    })

    test('a new one shows its secret once, works immediately, and is replicated with a digest', async () => {
      const page = await create(alice)
      const [secret = '', id, clientId] = [secretOn(page), idOn(page), clientIdOn(page)]
      assert.match(secret, /^gloas-[0-9a-f]{64}$/)
      assert.equal(page.headers.get('cache-control'), 'no-store')
      assert.equal(secretOn(await alice.visit(at(`${PATH}/${id}`))), undefined)
      const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: secret })
      assert.equal((await fetch(at('/oauth/token'), { method: 'POST', body })).status, 200)
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.equal(iam.held.get(id)?.application.secret_digest, secretDigest(secret))
      assert.doesNotMatch(JSON.stringify([...iam.held.values(), ...control.held.values()]), new RegExp(secret))
    })

    test('one can be changed, each time with a higher version', async () => {
      const id = idOn(await create(alice))
      const form = await alice.visit(at(`${PATH}/${id}/edit`))
      assert.equal(fieldsOf(form.forms[0])['application[redirect_uri]']?.trim(), 'https://mine.example.test/callback')
      const saved = await press(alice, form, 'Save application', {
        'application[name]': 'Renamed',
        'application[redirect_uri]': 'https://mine.example.test/callback\nmyapp://callback',
        'application[scopes][]': 'read_user',
      })
      assert.equal(saved.location?.pathname, `${PATH}/${id}`)
      const shown = await alice.follow(saved)
      assert.match(textOfPage(shown), /^Application saved Renamed .*myapp:\/\/callback .*read_user/)
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.equal(iam.held.get(id)?.application.version, 2)
      assert.deepEqual(iam.held.get(id)?.application.scopes, ['read_user'])
    })

    test('its security policy is chosen in the form, displayed, stored by both sides, and enforced', async () => {
      const created = await create(alice)
      const [id, clientId] = [idOn(created), clientIdOn(created)]
      assert.match(textOfPage(created), /Security policy Nothing beyond the usual/)
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.equal('policy' in (iam.held.get(id)?.application ?? {}), false, 'older replicas know no policy')

      const edit = () => alice.visit(at(`${PATH}/${id}/edit`))
      const policy = { require_pkce: 'all', redirect_match: 'exact' } as const
      const saved = await press(alice, await edit(), 'Save application', {
        'application[policy][require_pkce]': policy.require_pkce,
        'application[policy][redirect_match]': policy.redirect_match,
      })
      assert.match(
        textOfPage(await alice.follow(saved)),
        /Security policy PKCE: Required Redirect URIs: Must match exactly/,
      )
      const fields = fieldsOf((await edit()).forms[0])
      assert.equal(fields['application[policy][require_pkce]'], 'all')
      assert.equal(fields['application[policy][plain_pkce]'], '')
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.deepEqual(iam.held.get(id)?.application.policy, policy)
      assert.deepEqual(control.held.get(id)?.application.policy, policy)

      const redirect_uri = 'https://mine.example.test/callback'
      const asked = await alice.visit(at(authorizePath({ client_id: clientId, redirect_uri })))
      assert.match(textOfPage(asked), /Code challenge is required\./)

      const again = await press(alice, await edit(), 'Save application', { 'application[name]': 'Renamed' })
      assert.match(textOfPage(await alice.follow(again)), /PKCE: Required/, 'another change leaves it')
      await press(alice, await edit(), 'Save application', {
        'application[policy][require_pkce]': '',
        'application[policy][redirect_match]': '',
      })
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.equal('policy' in (iam.held.get(id)?.application ?? {}), false)
    })

    test('an unknown security policy is not saved', async () => {
      const page = await create(alice, { 'application[policy][require_pkce]': 'perhaps' })
      assert.equal(page.status, 422)
      assert.match(textOfPage(page), /Not saved\. Security policy: unknown rule or value\./)
    })

    test('a renewed secret replaces the old one', async () => {
      const page = await create(alice)
      const renewed = await press(alice, page, 'Renew secret')
      const [old = '', fresh = ''] = [secretOn(page), secretOn(renewed)]
      assert.notEqual(fresh, old)
      const ask = (client_secret: string) =>
        fetch(at('/oauth/token'), {
          method: 'POST',
          body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientIdOn(page), client_secret }),
        })
      assert.deepEqual([(await ask(old)).status, (await ask(fresh)).status], [401, 200])
    })

    test('a public one has no secret', async () => {
      const page = await create(alice, { 'application[confidential]': '0' })
      assert.equal(secretOn(page), undefined)
      assert.match(textOfPage(page), /Client secret None/)
    })

    test('one can be deleted, and is then gone everywhere', async () => {
      const page = await create(alice)
      const id = idOn(page)
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.equal((await press(alice, page, 'Delete')).location?.pathname, PATH)
      assert.equal((await alice.visit(at(`${PATH}/${id}`))).status, 404)
      const asked = await alice.visit(at(authorizePath({ client_id: clientIdOn(page) })))
      assert.match(textOfPage(asked), /^An error has occurred Client authentication failed/)
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.equal(iam.held.has(id) || control.held.has(id), false)
    })

    test('all faults of one are reported at once, and nothing is saved', async () => {
      const before = (await alice.visit(at(PATH))).text.match(/<li>/g)?.length
      const page = await create(alice, {
        'application[name]': ' ',
        'application[redirect_uri]': 'javascript:/x\nhttps://a.example.test/#part',
      })
      assert.equal(page.status, 422)
      const text = textOfPage(page)
      for (const fault of [/Name is missing/, /must not use the scheme javascript/, /must not have a fragment/]) {
        assert.match(text, fault)
      }
      assert.equal(secretOn(page), undefined)
      assert.equal((await alice.visit(at(PATH))).text.match(/<li>/g)?.length, before)
    })

    test('no user sees or changes another user’s', async () => {
      const page = await create(alice)
      const id = idOn(page)
      const bob = await signedInBrowser(monolith.url, 'bob')
      for (const path of [`${PATH}/${id}`, `${PATH}/${id}/edit`, `${PATH}/1`]) {
        assert.equal((await bob.visit(at(path))).status, 404)
      }
      const { authenticity_token = '' } = fieldsOf((await bob.visit(at('/'))).forms[0])
      for (const [path, fields] of [
        [`${PATH}/${id}`, { _method: 'delete' }],
        [`${PATH}/${id}`, { _method: 'patch' }],
        [`${PATH}/${id}/renew`, {}],
      ] as const) {
        assert.equal((await bob.visit(at(path), { form: { authenticity_token, ...fields } })).status, 404)
      }
      assert.equal((await alice.visit(at(`${PATH}/${id}`))).status, 200)
    })

    test('changes without a token are rejected', async () => {
      const page = await create(alice)
      for (const button of ['Renew secret', 'Delete']) {
        assert.equal((await press(alice, page, button, { authenticity_token: 'AAAA' })).status, 422)
      }
      const form = await alice.visit(at(`${PATH}/new`))
      assert.equal((await press(alice, form, 'Save application', { authenticity_token: '' })).status, 422)
    })

    test('a page does not wait for an unavailable target, and the change arrives later', async () => {
      await iam.stop()
      const id = idOn(await create(alice))
      await eventually('the control plane has it', () => control.held.get(id))
      assert.equal(control.held.get(id)?.iamVersion, null)
      await iam.start()
      await eventually('IAM has it', () => iam.held.get(id))
      await eventually('the control plane knows', () => control.held.get(id)?.iamVersion === 1)
    })

    test('a change committed just before the shutdown arrives after the next start', async () => {
      await Promise.all([iam.stop(), control.stop()])
      const id = idOn(await create(alice))
      await monolith.close()
      await Promise.all([iam.start(), control.start()])
      monolith = await start()
      assert.equal(await monolith.replicator.whenDelivered(15_000), true)
      assert.ok(iam.held.has(id) && control.held.has(id))
    })
  })
}
