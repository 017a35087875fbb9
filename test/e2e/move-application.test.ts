import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { IAM_PREFIXES } from '../../src/credentials/index.ts'
import { Browser } from '../support/browser.ts'
import { createServerDatabase } from '../support/database.ts'
import { eventually } from '../support/wait.ts'
import type { Tokens } from './clients/client.ts'
import { type SeedClient, type Traveller, traveller } from './clients/journey.ts'
import { oauth4webapi } from './clients/oauth4webapi.ts'
import { openidClient } from './clients/openid-client.ts'
import { approveDevice } from './clients/user.ts'
import { SEED, type System, startParts, startUp, untilReplicated } from './system.ts'

const FLAG = 'proxy_oauth_requests_to_iam_service'
const seed = JSON.parse(readFileSync(SEED, 'utf8')) as { clients: Record<string, SeedClient> }
const application = (key: string): SeedClient => {
  const found = seed.clients[key]
  assert.ok(found)
  return found
}

interface Store {
  readonly name: string
  start(): Promise<{ system: System; remove: () => Promise<void> }>
}
const stores: Store[] = [
  {
    name: 'handover up on the embedded store',
    start: async () => ({ system: await startUp('--seed', SEED), remove: async () => {} }),
  },
]
const server = process.env.HANDOVER_TEST_DATABASE_URL
if (server) {
  stores.push({
    name: 'separate parts on PostgreSQL',
    async start() {
      const { url, remove } = await createServerDatabase(server)
      return { system: await startParts(url), remove }
    },
  })
}

const isOfIam = (tokens: Tokens) => tokens.access.startsWith(IAM_PREFIXES.access_token)

for (const store of stores) {
  describe(`moving an application, ${store.name}`, () => {
    let system: System
    let remove = async () => {}
    before(async () => {
      const started = await store.start()
      system = started.system
      remove = started.remove
      await untilReplicated(system, Object.keys(seed.clients).length)
    })
    after(async () => {
      await system?.stop()
      await remove()
    })

    /** Sets the flag on the command line and waits until the gateway applies it. */
    async function setFlag(value: 'true' | 'false', id: number): Promise<void> {
      const set = await system.handover('flag', 'set', FLAG, value, `--oauth-application=${id}`)
      assert.equal(set.code, 0, `${set.stdout}${set.stderr}`)
    }

    /** Signs in until the wanted side answers: a flip reaches the gateway within a second. */
    async function signInOn(side: 'iam' | 'legacy', client: Traveller): Promise<Tokens> {
      return eventually(
        `a sign-in on ${side}`,
        async () => {
          const tokens = await client.signIn(new Browser())
          return isOfIam(tokens) === (side === 'iam') ? tokens : undefined
        },
        5_000,
      )
    }

    async function assertWorks(client: Traveller, tokens: Tokens): Promise<Tokens> {
      assert.equal((await client.userinfo(tokens))['nickname'], 'alice')
      assert.equal(await client.introspect(tokens.access), true)
      const renewed = await client.refresh(tokens)
      assert.equal(isOfIam(renewed), isOfIam(tokens), 'a refreshed token stays on its side')
      assert.equal(await client.introspect(tokens.access), false, 'rotation ends the old access token')
      return renewed
    }

    async function assertRevocable(client: Traveller, tokens: Tokens): Promise<void> {
      await client.revoke(tokens)
      assert.equal(await client.introspect(tokens.access), false)
      await assert.rejects(client.refresh(tokens))
    }

    for (const key of ['conf', 'public']) {
      for (const library of [openidClient, oauth4webapi]) {
        test(`${key} moves to IAM and back, unnoticed by its client (${library.name})`, async () => {
          const moved = application(key)
          const client = await traveller(library, system.issuer, moved)
          const bystander = await traveller(library, system.issuer, application('other'))

          const before = await client.signIn(new Browser())
          assert.equal(isOfIam(before), false)
          const beforeRenewed = await assertWorks(client, before)

          await setFlag('true', moved.id)
          const onIam = await signInOn('iam', client)
          assert.equal(isOfIam(await bystander.signIn(new Browser())), false, 'no other application moves')
          assert.deepEqual(onIam.members, before.members)
          assert.equal(onIam.subject, before.subject)
          assert.deepEqual(await client.userinfo(onIam), await client.userinfo(beforeRenewed))
          const onIamRenewed = await assertWorks(client, onIam)
          const stillLegacy = await assertWorks(client, beforeRenewed)

          await setFlag('false', moved.id)
          const back = await signInOn('legacy', client)
          const live = await assertWorks(client, onIamRenewed)
          await assertRevocable(client, live)
          await assertRevocable(client, stillLegacy)
          await assertRevocable(client, back)
        })
      }
    }

    test('a device client moves to IAM and back', async () => {
      for (const library of [openidClient, oauth4webapi]) {
        const moved = application('public')
        const client = await traveller(library, system.issuer, moved)
        const approve = async (code: string) => {
          const page = await approveDevice(new Browser(), system.issuer, code)
          assert.equal(page.status, 200)
        }
        const before = await client.device(approve)
        assert.equal(isOfIam(before), false)
        await setFlag('true', moved.id)
        await signInOn('iam', client)
        const onIam = await client.device(approve)
        assert.equal(isOfIam(onIam), true)
        assert.equal(onIam.subject, before.subject)
        const renewed = await assertWorks(client, onIam)
        await assertWorks(client, before)
        await setFlag('false', moved.id)
        await signInOn('legacy', client)
        await assertWorks(client, renewed)
      }
    })

    test('the API of the platform accepts the tokens of both sides', async () => {
      const moved = application('conf')
      const client = await traveller(openidClient, system.issuer, moved)
      const legacy = await signInOn('legacy', client)
      await setFlag('true', moved.id)
      const iam = await signInOn('iam', client)
      const ask = async (token: string) => {
        const answer = await fetch(`${system.issuer}/api/v4/user`, { headers: { authorization: `Bearer ${token}` } })
        return { status: answer.status, body: answer.status === 200 ? await answer.json() : undefined }
      }
      const first = await ask(legacy.access)
      assert.equal(first.status, 200)
      assert.deepEqual(await ask(iam.access), first)
      await client.revoke(iam)
      assert.equal((await ask(iam.access)).status, 401)
      await setFlag('false', moved.id)
      await signInOn('legacy', client)
    })

    test('explain shows where a request would go, and why', async () => {
      const moved = application('conf')
      await setFlag('true', moved.id)
      const on = await system.handover('explain', '--client-id', moved.uid, '--path', '/oauth/authorize')
      assert.equal(on.code, 0, on.stderr)
      assert.match(on.stdout, /iam/)
      assert.match(on.stdout, /flag_enabled/)
      await setFlag('false', moved.id)
      const off = await system.handover('explain', '--client-id', moved.uid, '--path', '/oauth/authorize')
      assert.match(off.stdout, /flag_disabled/)
    })

    test('every routing decision is one log line, without secrets', () => {
      const text = system.programs.map((program) => `${program.stdout.text()}\n${program.stderr.text()}`).join('\n')
      const entries = system.programs.flatMap((program) => program.stdout.entries())
      const decisions = entries.filter((entry) => entry['msg'] === 'iamproxy: routing decision')
      assert.ok(decisions.some((entry) => entry['destination'] === 'iam' && entry['reason'] === 'flag_enabled'))
      assert.ok(decisions.some((entry) => entry['destination'] === 'rails' && entry['reason'] === 'flag_disabled'))
      assert.ok(decisions.some((entry) => entry['destination'] === 'iam' && entry['reason'] === 'flow_verifier'))
      assert.ok(decisions.some((entry) => entry['destination'] === 'iam' && entry['reason'] === 'credential_issuer'))
      assert.ok(entries.some((entry) => entry['event'] === 'oauth_application:auth'))
      for (const secret of [
        application('conf').secret,
        'alice-password-1',
        IAM_PREFIXES.access_token,
        IAM_PREFIXES.refresh_token,
        IAM_PREFIXES.authorization_code,
      ]) {
        assert.ok(!text.includes(secret), `a log holds ${secret.slice(0, 8)}…`)
      }
    })
  })
}

test('PostgreSQL is available, or the reason it is not is printed', (context) => {
  if (server) return
  assert.notEqual(process.env.CI, 'true', 'CI must offer PostgreSQL')
  context.skip('no PostgreSQL server found: the journey ran on the embedded store only')
})
