import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Browser } from '../../support/browser.ts'
import type { Client, Tokens } from '../clients/client.ts'
import { clickThrough, type World } from './world.ts'

/** What the walk needs, once everything has been started. */
interface Walked {
  readonly world: World
  readonly client: Client
  /** Where each side answers userinfo directly, bypassing the gateways. */
  readonly userinfo: Readonly<Record<'rails' | 'iam', string>>
}

/** Tests that a client stays on the side that started, however the flag changes in between, and gets no other user. */
export function walkFlows(walked: () => Walked): void {
  const signIn = async (side: 'rails' | 'iam', pkce: boolean): Promise<Tokens> => {
    const { world, client } = walked()
    world.next = side
    const browser = new Browser()
    const visit = async (address: string, redirectUri: string) => {
      const { location } = await clickThrough(browser, address, redirectUri)
      return location ?? assert.fail('no way back to the client')
    }
    return client.code(visit, { pkce })
  }

  for (const side of ['iam', 'rails'] as const) {
    for (const pkce of [true, false]) {
      test(`a sign-in started at ${side}${pkce ? ' with PKCE' : ''} ends there, and its tokens are valid there`, async () => {
        const { world, client } = walked()
        const first = await signIn(side, pkce)
        const asked = world.questions
        assert.equal(first.subject, '1', 'the ID token is verified by the union of the keys')
        assert.deepEqual(await whoKnows(walked().userinfo, first.access), [side])
        assert.equal((await client.userinfo?.(first))?.['sub'], '1')
        let tokens = first
        for (let round = 0; round < 4; round++) {
          tokens = (await client.refresh?.(tokens)) ?? assert.fail()
          assert.ok(tokens.refresh)
          assert.deepEqual(await whoKnows(walked().userinfo, tokens.access), [side])
          assert.equal(await client.introspect?.(tokens.access), true)
          assert.equal((await client.userinfo?.({ ...tokens, subject: first.subject }))?.['sub'], '1')
        }
        await client.revoke?.(tokens)
        assert.equal(await client.introspect?.(tokens.access), false)
        assert.equal(world.questions, asked, 'what carries a credential does not go by the flag')
      })
    }

    test(`client credentials of ${side} are known there, and unknown once revoked`, async () => {
      const { world, client } = walked()
      world.next = side
      const tokens = (await client.clientCredentials?.()) ?? assert.fail()
      assert.equal(await client.introspect?.(tokens.access), true)
      await client.revoke?.(tokens)
      assert.equal(await client.introspect?.(tokens.access), false)
    })
  }
}

/** The sides that accept an access token as their own. */
async function whoKnows(userinfo: Walked['userinfo'], token: string): Promise<string[]> {
  const known: string[] = []
  for (const [side, url] of Object.entries(userinfo)) {
    const { status } = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    if (status === 200) known.push(side)
  }
  return known
}
