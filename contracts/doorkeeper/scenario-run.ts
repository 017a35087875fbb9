import { createHash } from 'node:crypto'
import { CookieJar } from './cookie-jar.ts'
import { encodeForm, type Fields, formsIn, unescapeHtml } from './forms.ts'
import { HAND_OFF_FORMS, walkHandOff } from './hand-off.ts'
import { normaliseAnswer, normaliseHeader, shorten } from './normalise.ts'
import { Placeholders, parseJson } from './placeholders.ts'
import type { RecordedControl, RecordedStep } from './recording.ts'
import type { ClientKey, SeedClient } from './seed.ts'
import { advanceTarget, type Target } from './target.ts'
import type { Answer, Outgoing } from './transport.ts'

/** What a token or device endpoint issued, as far as the scenarios use it. */
export type Issued = Readonly<Partial<Record<'access_token' | 'refresh_token' | 'device_code' | 'user_code', string>>>

/** A response with what it issued. */
export interface Reply extends Answer {
  readonly issued: Issued
}

/** The options of one request. At most one of `form`, `json` and `body`. */
export interface RequestOptions {
  readonly query?: Fields | string | undefined
  readonly form?: Fields | string | undefined
  readonly json?: unknown
  readonly body?: string | undefined
  /** Replaces the body's own `Content-Type`; null for none. */
  readonly type?: string | null | undefined
  /** The `Authorization` header. */
  readonly auth?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The browser that sends it; none if omitted. */
  readonly jar?: CookieJar | undefined
  readonly note?: string | undefined
}

/** An authorization request of the named application, with `params` taking precedence. */
export interface AuthorizeOptions {
  readonly client?: ClientKey | undefined
  readonly params?: Fields | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly note?: string | undefined
}

/** A code exchange with the application's credentials in the body by default, and with `params` taking precedence. */
export interface ExchangeOptions {
  readonly client?: ClientKey | undefined
  readonly params?: Fields | undefined
  readonly auth?: string | undefined
  readonly noauth?: boolean | undefined
  readonly note?: string | undefined
}

/** One scenario against one server: sends its requests and records the steps. */
export class ScenarioRun {
  /** The browser of the user, who is not signed in yet. */
  jar = new CookieJar()
  readonly steps: Array<RecordedStep | RecordedControl> = []
  readonly #target: Target
  readonly #known: Placeholders
  readonly #id: string
  #settingUp = 0
  #verifiers = 0

  constructor(id: string, target: Target) {
    this.#id = id
    this.#target = target
    this.#known = new Placeholders(target.seed, target.base.origin)
  }

  /** The origin of the server. */
  get base(): string {
    return this.#target.base.origin
  }

  /** The `Authorization` header for Basic, with the application's own secret by default. */
  basic(key: ClientKey, secret?: string): string {
    const { uid, secret: own } = this.#clientOf(key)
    return `Basic ${Buffer.from(`${uid}:${secret ?? own}`).toString('base64')}`
  }

  /** The application's credentials as parameters. */
  creds(key: ClientKey, secret?: string): { client_id: string; client_secret: string } {
    const { uid, secret: own } = this.#clientOf(key)
    return { client_id: uid, client_secret: secret ?? own }
  }

  /** Requests made inside the callback are steps of the set-up. */
  async setup<T>(within: () => Promise<T>): Promise<T> {
    this.#settingUp++
    try {
      return await within()
    } finally {
      this.#settingUp--
    }
  }

  /** Sends a request and records it with its response as a step. A server that does not answer counts as status 0. */
  async req(method: string, path: string, options: RequestOptions = {}): Promise<Reply> {
    const outgoing = describeRequest(method, path, options)
    const { jar } = options
    let answer = await this.#target.send(outgoing).catch(noAnswer)
    jar?.take(answer)
    this.#known.learn(answer)
    let hops: readonly string[] = []
    if (jar && this.#target.handsOff) {
      const walk = await walkHandOff(answer, this.#target.base, jar, this.#target.send)
      for (const passed of walk.passed) this.#known.learn(passed)
      answer = walk.answer
      hops = walk.hops
    }
    this.#keep(outgoing, answer, hops, options.note)
    return { ...answer, issued: issuedIn(answer.body) }
  }

  /** Sends a GET. */
  get(path: string, options: RequestOptions = {}): Promise<Reply> {
    return this.req('GET', path, options)
  }

  /** Sends a POST with a form. */
  post(path: string, form: Fields, options: RequestOptions = {}): Promise<Reply> {
    return this.req('POST', path, { form, ...options })
  }

  /** Ages everything that was issued. */
  async advance(seconds: number): Promise<void> {
    this.steps.push({ hook: `advance ${seconds}s`, setup: true })
    await advanceTarget(this.#target, seconds)
  }

  /** Signs a user in with the server's own form; throws if that fails. Not recorded as a step. */
  async login(name = 'alice', jar = this.jar): Promise<void> {
    const user = this.#target.seed.users.find(({ username }) => username === name)
    if (user === undefined) throw new Error(`the seed has no user ${name}`)
    const page = await this.#target.send({ method: 'GET', target: '/users/sign_in', headers: jar.headers() })
    jar.take(page)
    const form = formsIn(page.body).find(({ fields }) => fields.some(([field]) => field === 'user[password]'))
    const filled = { 'user[login]': user.username, 'user[password]': user.password }
    const answer = await this.#target.send({
      method: 'POST',
      target: form?.action || '/users/sign_in',
      headers: { ...jar.headers(), 'Content-Type': 'application/x-www-form-urlencoded' },
      body: encodeForm({ ...Object.fromEntries(form?.fields ?? []), ...filled }),
    })
    jar.take(answer)
    if (![302, 303].includes(answer.status)) throw new Error(`signing in answered ${answer.status}`)
  }

  /** The parameters of an authorization request. */
  authz({ client = 'conf', params = {} }: AuthorizeOptions = {}): Fields {
    const { uid, redirect_uris } = this.#clientOf(client)
    const usual = { redirect_uri: redirect_uris[0], response_type: 'code', scope: 'api', state: 'st-123' }
    return { client_id: uid, ...usual, ...params }
  }

  /** Sends an authorization request from the user's browser. */
  authorize(options: AuthorizeOptions = {}): Promise<Reply> {
    const { headers, note } = options
    return this.get('/oauth/authorize', { query: this.authz(options), jar: this.jar, headers, note })
  }

  /**
   * Submits one of the consent page's own forms as a browser would, with some fields changed or (undefined) omitted.
   */
  submit(page: Reply, which: 'post' | 'delete' = 'post', changed: Fields = {}, o: RequestOptions = {}): Promise<Reply> {
    const jar = o.jar ?? this.jar
    const form = formsIn(page.body).find(
      ({ action, method }) =>
        (this.#target.handsOff && HAND_OFF_FORMS[which].test(action)) ||
        (method === which && action.includes('authorize')),
    )
    if (form === undefined) {
      const note = 'no consent form on the page: sent bare'
      return this.req(which.toUpperCase(), '/oauth/authorize', { form: changed, jar: this.jar, note })
    }
    const own = Object.fromEntries(form.fields.filter(([name]) => name !== 'commit'))
    const path = form.action.startsWith('http') ? new URL(form.action).pathname : form.action
    return this.req('POST', path, { ...o, form: { ...own, ...changed }, jar })
  }

  /** The code in a response, from its redirect or its page. */
  codeOf(reply: Reply): string | undefined {
    const redirected = /[?&#]code=([^&#]+)/.exec(reply.headers.location ?? '')
    const shown = reply.status === 200 ? /[?&]code=([0-9A-Za-z_-]{20,})/.exec(unescapeHtml(reply.body)) : null
    const code = redirected?.[1] ?? shown?.[1]
    return code === undefined ? undefined : decodeURIComponent(code)
  }

  /** A code from the whole flow in a separate browser, as set-up. */
  code({ user, ...options }: AuthorizeOptions & { readonly user?: string | undefined } = {}): Promise<string> {
    return this.setup(async () => {
      const kept = this.jar
      this.jar = new CookieJar()
      try {
        await this.login(user)
        const page = await this.authorize(options)
        const isAsking = page.status === 200 && formsIn(page.body).length > 0
        return this.codeOf(isAsking ? await this.submit(page) : page) ?? ''
      } finally {
        this.jar = kept
      }
    })
  }

  /** Exchanges a code. */
  exchange(code: string | undefined, o: ExchangeOptions = {}): Promise<Reply> {
    const client = o.client ?? 'conf'
    const form = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: this.#clientOf(client).redirect_uris[0],
      ...(o.auth || o.noauth ? {} : this.creds(client)),
      ...o.params,
    }
    return this.post('/oauth/token', form, { auth: o.auth, note: o.note })
  }

  /** Tokens from the whole flow, as set-up. */
  tokens(o: AuthorizeOptions & { readonly user?: string } = {}): Promise<Issued> {
    return this.setup(async () => {
      const code = await this.code(o)
      const { client = 'conf' } = o
      const { confidential, uid } = this.#clientOf(client)
      const how = confidential ? {} : { noauth: true, params: { client_id: uid } }
      return (await this.exchange(code, { client, ...how })).issued
    })
  }

  /** A PKCE verifier and its S256 challenge, the same in every run. */
  pkce(): { readonly verifier: string; readonly challenge: string } {
    const digest = (text: string) => createHash('sha256').update(text).digest('base64url')
    const verifier = digest(`pkce ${this.#id} ${++this.#verifiers}`)
    const challenge = digest(verifier)
    this.#known.note(verifier, 'pkce_verifier')
    this.#known.note(challenge, 'pkce_s256_challenge')
    return { verifier, challenge }
  }

  #clientOf(key: ClientKey): SeedClient {
    return this.#target.seed.clients[key]
  }

  #keep(
    { method, target, headers = {}, body }: Outgoing,
    answer: Answer,
    hops: readonly string[],
    note?: string,
  ): void {
    const known = this.#known
    const lines = Object.entries(headers).map(([name, value]) => [name, normaliseHeader(name, value ?? '', known)])
    const step: RecordedStep = {
      ...(note === undefined ? {} : { note }),
      ...(this.#settingUp > 0 ? { setup: true } : {}),
      ...(hops.length > 0 ? { hops } : {}),
      request: {
        method,
        path: known.text(shorten(target)),
        headers: Object.fromEntries(lines),
        ...(body === undefined ? {} : { body: known.text(shorten(body)) }),
      },
      response: normaliseAnswer(answer, known),
    }
    this.steps.push(step)
  }
}

function describeRequest(method: string, path: string, o: RequestOptions): Outgoing {
  const query = typeof o.query === 'object' ? encodeForm(o.query) : o.query
  const target = query ? `${path}${path.includes('?') ? '&' : '?'}${query}` : path
  const headers: Record<string, string> = {}
  let body = o.body
  if (o.form !== undefined) {
    body = typeof o.form === 'string' ? o.form : encodeForm(o.form)
    headers['Content-Type'] = 'application/x-www-form-urlencoded'
  }
  if (o.json !== undefined) {
    body = JSON.stringify(o.json)
    headers['Content-Type'] = 'application/json'
  }
  if (o.type === null) delete headers['Content-Type']
  else if (o.type !== undefined) headers['Content-Type'] = o.type
  if (o.auth) headers['Authorization'] = o.auth
  return { method, target, headers: { ...headers, ...o.jar?.headers(), ...o.headers }, body }
}

function noAnswer(error: Error): Answer {
  return { status: 0, reason: error.message, lines: [], headers: {}, body: '' }
}

function issuedIn(body: string): Issued {
  const json = parseJson(body)
  if (typeof json !== 'object' || json === null) return {}
  const wanted = ['access_token', 'refresh_token', 'device_code', 'user_code']
  return Object.fromEntries(
    Object.entries(json).filter(([name, value]) => wanted.includes(name) && typeof value === 'string'),
  )
}
