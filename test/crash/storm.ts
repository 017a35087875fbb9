import { setTimeout as sleep } from 'node:timers/promises'
import { call } from '../../src/http/index.ts'

/** The counts of a storm. */
export interface StormFigures {
  /** Rotations that were answered. */
  rotations: number
  /** Rotations without an answer: the connection broke, or the response was a 5xx. */
  unanswered: number
  /** Those that had not happened: the same token worked when it was sent again. */
  recovered: number
  /** Those that had happened: the token was refused, so the client knew that it had to sign in again. */
  lost: number
  /** Faults: a token accepted twice, and a token refused to a client that had received it and missed no answer. */
  takenTwice: number
  wronglyRefused: number
}

/**
 * Clients that rotate their refresh tokens in chains, each as fast as the server answers, against any of several
 * servers.
 */
export interface Storm {
  readonly figures: Readonly<StormFigures>
  /** Ends the storm with the state of every client known; then rotates once more for each, and tries the old token. */
  settle(): Promise<{ readonly working: number; readonly oldTaken: number }>
  /** Ends the storm without waiting for a known state of its clients. */
  abandon(): Promise<void>
}

export interface StormOptions {
  readonly clients: number
  readonly servers: readonly string[]
  readonly clientId: string
  readonly clientSecret: string
}

type Answer = { readonly kind: 'taken'; readonly next: string } | { readonly kind: 'refused' | 'silent' | 'closed' }

const CALL_LIMIT_MS = 15_000
const PAUSE_MS = 25

/** Signs every client in and starts the rotations. */
export async function startStorm(options: StormOptions): Promise<Storm> {
  const figures: StormFigures = {
    ...{ rotations: 0, unanswered: 0, recovered: 0, lost: 0 },
    ...{ takenTwice: 0, wronglyRefused: 0 },
  }
  const taken = new Set<string>()
  const clients = Array.from({ length: options.clients }, () => new StormClient(options, figures, taken))
  await Promise.all(clients.map((client) => client.signIn()))
  let stopping = false
  let abandoned = false
  const running = clients.map(async (client) => {
    while (!abandoned && (!stopping || client.isUnsure)) await client.rotate()
  })
  return {
    figures,
    async settle() {
      stopping = true
      await Promise.all(running)
      const checks = await Promise.all(clients.map((client) => client.check()))
      return {
        working: checks.filter((check) => check.works).length,
        oldTaken: checks.filter((check) => check.oldTaken).length,
      }
    },
    async abandon() {
      abandoned = true
      for (const client of clients) client.isGivenUp = true
      await Promise.all(running)
    },
  }
}

class StormClient {
  /** Whether the last rotation was not answered, so that the token may or may not be spent. */
  isUnsure = false
  isGivenUp = false
  readonly #options: StormOptions
  readonly #figures: StormFigures
  readonly #taken: Set<string>
  #token = ''
  #turn = Math.floor(Math.random() * 100)

  constructor(options: StormOptions, figures: StormFigures, taken: Set<string>) {
    this.#options = options
    this.#figures = figures
    this.#taken = taken
  }

  async signIn(): Promise<void> {
    while (!this.isGivenUp) {
      const answer = await this.#ask({ grant_type: 'password', username: 'alice', password: 'any' })
      if (answer.kind === 'refused') throw new Error('the sign-in was refused')
      if (answer.kind === 'taken') {
        this.#token = answer.next
        return
      }
      await sleep(PAUSE_MS)
    }
  }

  async rotate(): Promise<void> {
    const answer = await this.#present(this.#token)
    const figures = this.#figures
    if (answer.kind === 'closed') return sleep(PAUSE_MS)
    if (answer.kind === 'silent') {
      if (!this.isUnsure) figures.unanswered++
      this.isUnsure = true
      return sleep(PAUSE_MS)
    }
    const wasUnsure = this.isUnsure
    this.isUnsure = false
    if (answer.kind === 'taken') {
      figures.rotations++
      if (wasUnsure) figures.recovered++
      this.#token = answer.next
      return
    }
    if (wasUnsure) figures.lost++
    else figures.wronglyRefused++
    await this.signIn()
  }

  /** Whether the token works, and whether it works a second time. */
  async check(): Promise<{ readonly works: boolean; readonly oldTaken: boolean }> {
    const first = await this.#present(this.#token)
    const second = await this.#present(this.#token)
    return { works: first.kind === 'taken', oldTaken: second.kind === 'taken' }
  }

  async #present(token: string): Promise<Answer> {
    const answer = await this.#ask({ grant_type: 'refresh_token', refresh_token: token })
    if (answer.kind === 'taken') {
      if (this.#taken.has(token)) this.#figures.takenTwice++
      this.#taken.add(token)
    }
    return answer
  }

  async #ask(form: Record<string, string>): Promise<Answer> {
    const { servers, clientId, clientSecret } = this.#options
    const url = `${servers[this.#turn++ % servers.length]}/oauth/token`
    const json = { ...form, client_id: clientId, client_secret: clientSecret }
    try {
      const { status, json: body } = await call({ method: 'POST', url, json, timeoutMs: CALL_LIMIT_MS })
      if (status === 200) return { kind: 'taken', next: (body as { refresh_token: string }).refresh_token }
      if (status === 400 && (body as { error?: string }).error === 'invalid_grant') return { kind: 'refused' }
      return { kind: 'silent' }
    } catch (error) {
      return { kind: isRefusedConnection(error) ? 'closed' : 'silent' }
    }
  }
}

/** Connection refused: the server certainly did not see the request. */
function isRefusedConnection(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && at.code === 'ECONNREFUSED') return true
  }
  return false
}
