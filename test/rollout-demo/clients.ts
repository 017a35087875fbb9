import { createHash, randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type Asked, authorize, signIn } from '../storm/authorize.ts'
import { approve } from '../storm/flows.ts'
import { Random } from '../storm/random.ts'
import { jsonOf } from '../storm/tokens.ts'
import { BrokenFlow, Walk } from '../storm/walk.ts'
import { type Answer, Jar, type Web } from '../storm/web.ts'
import type { ScriptedClient } from './population.ts'
import type { FlowName } from './quirks.ts'

/** What became of the flows of one client. */
export interface ClientTally {
  succeeded: number
  failed: number
  lastFailure: string
}

/** Runs scripted clients until they are stopped. */
export class Crowd {
  readonly tallies = new Map<ScriptedClient, ClientTally>()
  readonly #web: Web
  readonly #jars = new Map<string, Promise<Jar>>()
  readonly #stop = new AbortController()
  #running: Promise<unknown> | undefined

  constructor(web: Web) {
    this.#web = web
  }

  /** Starts all clients, each at a random point of its own interval. */
  start(clients: readonly ScriptedClient[], random: Random): void {
    this.#running = Promise.all(clients.map((client) => this.#repeat(client, random.fork())))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #repeat(client: ScriptedClient, random: Random): Promise<void> {
    const tally: ClientTally = { succeeded: 0, failed: 0, lastFailure: '' }
    this.tallies.set(client, tally)
    await sleep(random.next() * client.everyMs, this.#stop.signal)
    while (!this.#stop.signal.aborted) {
      try {
        await this.#once(client, random.fork())
        tally.succeeded++
      } catch (error) {
        if (!(error instanceof BrokenFlow)) throw error
        tally.failed++
        tally.lastFailure = error.message
      }
      await sleep(client.everyMs * (0.5 + random.next()), this.#stop.signal)
    }
  }

  async #once(client: ScriptedClient, random: Random): Promise<void> {
    const needsBrowser = client.flow !== 'client credentials' && client.flow !== 'password'
    const jar = needsBrowser ? await this.#browserOf(client) : new Jar()
    await RUN[client.flow](this.#walk(client, jar, random), client)
  }

  /** All clients of one user share the user's browser, which signs in once. */
  #browserOf(client: ScriptedClient): Promise<Jar> {
    const { username } = client.user
    const known = this.#jars.get(username)
    if (known !== undefined) return known
    const jar = new Jar()
    const signing = signIn(this.#walk(client, jar, new Random(1))).then(() => jar)
    this.#jars.set(username, signing)
    signing.catch(() => this.#jars.delete(username))
    return signing
  }

  #walk({ application, user }: ScriptedClient, jar: Jar, random: Random): Walk {
    return new Walk({ application, user, jar }, random, {
      web: this.#web,
      beforeStep: async () => {},
      think: () => 0,
      isExcused: () => false,
      onStep: () => {},
    })
  }
}

const RUN: Readonly<Record<FlowName, (walk: Walk, client: ScriptedClient) => Promise<unknown>>> = {
  code: signInOnce,
  'code and refresh': async (walk: Walk, client) => {
    const { refresh_token } = await signInOnce(walk, client)
    walk.expect('redeem', typeof refresh_token === 'string', 'no refresh token')
    await token(walk, client, 'refresh', { grant_type: 'refresh_token', refresh_token })
  },
  'client credentials': (walk, client) =>
    token(walk, client, 'client credentials', { grant_type: 'client_credentials', scope: 'api' }),
  password: (walk, client) =>
    token(walk, client, 'password', {
      ...{ grant_type: 'password', scope: 'read_user' },
      ...{ username: client.user.username, password: client.user.password },
    }),
  device: async (walk: Walk, client) => {
    const started = jsonOf(
      await send(walk, client, 'authorize device', '/oauth/authorize_device', { scope: 'read_user' }),
    )
    const { device_code, user_code } = started
    walk.expect('authorize device', typeof device_code === 'string' && typeof user_code === 'string', 'no device code')
    await approve(walk, user_code)
    await token(walk, client, 'poll', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code })
  },
}

async function signInOnce(walk: Walk, client: ScriptedClient): Promise<Record<string, unknown>> {
  const { clientId, redirectUri } = client.application
  const scope = 'read_user profile'
  const [state, nonce] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')]
  const verifier = client.hasPkce ? randomBytes(32).toString('base64url') : undefined
  const url = walk.url('/oauth/authorize', {
    ...{ client_id: clientId, redirect_uri: redirectUri, response_type: 'code', scope, state },
    ...(verifier !== undefined && {
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }),
  })
  const asked: Asked = { scope, state, nonce, verifier, url }
  const code = await authorize(walk, asked)
  return token(walk, client, 'redeem', {
    ...{ grant_type: 'authorization_code', code, redirect_uri: redirectUri },
    ...(verifier !== undefined && { code_verifier: verifier }),
  })
}

/** Sends a token request and checks the response as a strict client does. */
async function token(walk: Walk, client: ScriptedClient, step: string, fields: Record<string, string>) {
  const answer = await send(walk, client, step, '/oauth/token', fields)
  walk.expect(step, answer.status === 200, answer)
  const document = jsonOf(answer)
  walk.expect(step, typeof document['access_token'] === 'string', 'no access token')
  walk.expect(step, typeof document['expires_in'] === 'number', 'expires_in is not a number')
  return document
}

function send(
  walk: Walk,
  client: ScriptedClient,
  step: string,
  path: string,
  fields: Record<string, string>,
): Promise<Answer> {
  const { clientId, secret } = client.application
  const basic = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
  return walk.send(step, 'new', {
    ...{ method: 'POST', url: walk.url(path) },
    headers: client.isBasic ? { authorization: basic } : {},
    form: client.isBasic ? fields : { ...fields, client_id: clientId, client_secret: secret },
  })
}

/** Waits, but not beyond the stop. */
async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, { signal }).catch(() => {})
}
