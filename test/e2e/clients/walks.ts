import assert from 'node:assert/strict'
import { IAM_PREFIXES } from '../../../src/credentials/index.ts'
import type { Client, Tokens, Visit } from './client.ts'
import { ALICE } from './user.ts'

export type Side = 'legacy' | 'iam'

/** The context of a walk: the user, the platform, and the client's tokens so far. */
export interface Scene {
  /** From the latest sign-in or refresh of an earlier walk. */
  tokens?: Tokens

  readonly side: Side
  /** An application without a secret. */
  readonly isPublic: boolean
  /** The subject of the consenting user's ID tokens. */
  readonly subject: string
  /** A user who consents, one who refuses, and one whose code is replaced on the way by one that was never issued. */
  readonly agree: Visit
  readonly refuse: Visit
  readonly forge: Visit
  approveDevice(userCode: string): Promise<void>
  /** Whether the platform still accepts an access token. */
  isActive(token: string): Promise<boolean>
}

/** One capability of clients, and a test of it on either side. */
export interface Walk {
  readonly capability: string
  /** Undefined when the client's library does not support it. */
  walk(client: Client, scene: Scene): Promise<void> | undefined
}

const sideOf = ({ access }: Tokens): Side => (access.startsWith(IAM_PREFIXES.access_token) ? 'iam' : 'legacy')

/** Asserts that the tokens were issued by that side and that the platform accepts them. */
export async function assertIssuedBy(side: Side, tokens: Tokens, scene: Pick<Scene, 'isActive'>): Promise<void> {
  assert.equal(sideOf(tokens), side)
  assert.equal(await scene.isActive(tokens.access), true, 'the platform takes a new token')
}

function tokensOf(scene: Scene): Tokens {
  assert.ok(scene.tokens, 'the client has signed in')
  return scene.tokens
}

async function assertFails(client: Client, expected: string, attempt: Promise<unknown>): Promise<void> {
  const error = await attempt.then(
    () => assert.fail(`no error where ${expected} was due`),
    (thrown: unknown) => thrown,
  )
  assert.equal(client.errorCode(error), expected, String(error))
}

/** Every capability, in the order of the table. */
export const WALKS: readonly Walk[] = [
  {
    capability: 'code',
    walk: (client, scene) =>
      client.alwaysWithPkce
        ? undefined
        : client.code(scene.agree, { pkce: false }).then((tokens) => assertIssuedBy(scene.side, tokens, scene)),
  },
  {
    capability: 'code, PKCE',
    async walk(client, scene) {
      scene.tokens = await client.code(scene.agree, { pkce: true })
      await assertIssuedBy(scene.side, scene.tokens, scene)
    },
  },
  {
    capability: 'ID token verified',
    walk: (_client, scene) =>
      tokensOf(scene).subject === undefined
        ? undefined
        : Promise.resolve(assert.equal(tokensOf(scene).subject, scene.subject)),
  },
  {
    capability: 'refresh',
    walk: (client, scene) => client.refresh && walkRefresh(client, client.refresh, scene),
  },
  {
    capability: 'client credentials',
    walk: (client, scene) => client.clientCredentials && walkClientCredentials(client, client.clientCredentials, scene),
  },
  {
    capability: 'password',
    walk: (client, scene) =>
      client.password?.(ALICE.login, ALICE.password).then((tokens) => assertIssuedBy(scene.side, tokens, scene)),
  },
  {
    capability: 'device',
    walk: (client, scene) =>
      client.device?.(scene.approveDevice).then((tokens) => assertIssuedBy(scene.side, tokens, scene)),
  },
  {
    capability: 'userinfo',
    walk: (client, scene) =>
      client.userinfo?.(tokensOf(scene)).then((claims) => assert.equal(claims['nickname'], ALICE.login)),
  },
  {
    capability: 'introspect',
    walk: (client, scene) =>
      client.introspect?.(tokensOf(scene).access).then(async (isActive) => {
        assert.equal(isActive, true)
        assert.equal(await client.introspect?.(`${tokensOf(scene).access}x`), false)
      }),
  },
  {
    capability: 'revoke',
    walk: (client, scene) => client.revoke && walkRevocation(client, client.revoke, scene),
  },
  {
    capability: 'a forged code',
    walk: (client, scene) => assertFails(client, 'invalid_grant', client.code(scene.forge, { pkce: true })),
  },
  {
    capability: 'consent refused',
    walk: (client, scene) =>
      client.ignoresRefusals
        ? undefined
        : assertFails(client, 'access_denied', client.code(scene.refuse, { pkce: true })),
  },
]

async function walkRefresh(client: Client, refresh: NonNullable<Client['refresh']>, scene: Scene): Promise<void> {
  const first = tokensOf(scene)
  const second = await refresh(first)
  scene.tokens = second
  await assertIssuedBy(scene.side, second, scene)
  assert.notEqual(second.refresh, first.refresh)
  assert.equal(await scene.isActive(first.access), false, 'rotation ends the old access token')
  assert.deepEqual([...second.members].sort(), [...first.members].sort())
  await assertFails(client, 'invalid_grant', refresh(first))
}

async function walkClientCredentials(
  client: Client,
  grant: NonNullable<Client['clientCredentials']>,
  scene: Scene,
): Promise<void> {
  if (scene.isPublic) return assertFails(client, 'invalid_client', grant())
  const tokens = await grant()
  assert.equal(tokens.refresh, undefined)
  assert.equal(sideOf(tokens), scene.side)
}

async function walkRevocation(client: Client, revoke: NonNullable<Client['revoke']>, scene: Scene): Promise<void> {
  const tokens = tokensOf(scene)
  await revoke(tokens)
  assert.equal(await scene.isActive(tokens.access), false)
  if (client.refresh) await assertFails(client, 'invalid_grant', client.refresh(tokens))
}
