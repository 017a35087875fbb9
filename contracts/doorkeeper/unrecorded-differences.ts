import type { DeliberateDifference } from './deliberate-differences.ts'
import { formsIn } from './forms.ts'
import { parseJson } from './placeholders.ts'
import type { Reply, ScenarioRun } from './scenario-run.ts'

/** The parts of a response that a client or browser uses. */
export interface SeenAnswer {
  readonly status: number
  /** The media type, without its parameters. */
  readonly type: string | undefined
  /** Without its query, `{base}` for the server's own origin. */
  readonly location: string | undefined
  /** From the body or from the redirect. */
  readonly error: string | undefined
}

/** A case outside the recorded scenarios in which our servers answer differently, deliberately or unavoidably. */
export interface UnrecordedDifference {
  readonly id: string
  readonly asked: string
  readonly when: DeliberateDifference['when']
  /** Sends the requests; the last response is the one that differs. */
  readonly play: (t: ScenarioRun) => Promise<Reply>
  /** The expected response of our servers. */
  readonly answer: Partial<SeenAnswer>
  readonly doorkeeper: string
  readonly ours: string
  readonly why: string
  readonly source: string
}

const OIDC = { scope: 'openid email' }
const HTML = 'text/html'
const CALLBACK = 'https://conf.example.test/callback'

const signedIn =
  (play: UnrecordedDifference['play']): UnrecordedDifference['play'] =>
  async (t) => {
    await t.login()
    return play(t)
  }

/** Denies with the page's own form, with one field changed or omitted. */
const deny = (redirect_uri: string | undefined) =>
  signedIn(async (t) => t.submit(await t.authorize(), 'delete', { redirect_uri }))

/** They were observed with Doorkeeper 5.5.0 and its extension for OpenID Connect 1.8.0 on Rails 6.1; see examples/doorkeeper. */
export const UNRECORDED_DIFFERENCES: readonly UnrecordedDifference[] = [
  {
    id: 'U01',
    asked: '`prompt=none` with `response_mode=form_post`, signed in, without consent',
    when: 'always',
    play: signedIn((t) => t.authorize({ params: { ...OIDC, prompt: 'none', response_mode: 'form_post' } })),
    answer: { status: 200, type: HTML },
    doorkeeper: 'The form that posts the error, as `application/json`: browsers show its source and post nothing.',
    ours: 'The same form, as `text/html`.',
    why: 'The error has to reach the client.',
    source: 'OAuth 2.0 Form Post Response Mode §2; entry 4',
  },
  {
    id: 'U02',
    asked: '`prompt=none` with `response_mode=form_post`, signed out',
    when: 'always',
    play: (t) => t.authorize({ params: { ...OIDC, prompt: 'none', response_mode: 'form_post' } }),
    answer: { status: 200, type: HTML, location: undefined },
    doorkeeper: '302 to the sign-in page, with the form as its body.',
    ours: 'The form, with `login_required`.',
    why: 'No page may be shown to the user.',
    source: 'OpenID Connect Core §3.1.2.1 and §3.1.2.6',
  },
  {
    id: 'U03',
    asked: '`prompt=none` with a `max_age` that has passed',
    when: 'always',
    play: signedIn(async (t) => {
      await t.advance(600)
      return t.authorize({ params: { ...OIDC, prompt: 'none', max_age: '60' } })
    }),
    answer: { status: 302, location: CALLBACK, error: 'login_required' },
    doorkeeper: 'It ends the session and shows the sign-in page.',
    ours: '`login_required`; the session stays.',
    why: 'No page may be shown to the user, and a client that renews in the background would sign the user out.',
    source: 'OpenID Connect Core §3.1.2.1 and §3.1.2.6',
  },
  {
    id: 'U04',
    asked: '`prompt=select_account consent`',
    when: 'always',
    play: signedIn((t) => t.authorize({ params: { ...OIDC, prompt: 'select_account consent' } })),
    answer: { status: 302, location: '{base}/users/sign_in' },
    doorkeeper: 'A 500: two answers to one request.',
    ours: 'Sign-in first, then consent, as `prompt` asks.',
    why: 'As for A151.',
    source: 'OpenID Connect Core §3.1.2.1; entry 5',
  },
  {
    id: 'U05',
    asked: '`/oauth/authorize` with `Accept: application/json`, or any type but HTML',
    when: 'always',
    play: signedIn((t) => t.authorize({ headers: { Accept: 'application/json' } })),
    answer: { status: 200, type: HTML },
    doorkeeper: 'A 500: there is no template of that type.',
    ours: 'The page.',
    why: 'As for A133.',
    source: 'RFC 9110 §12.5.1 and §15.6.1',
  },
  {
    id: 'U06',
    asked: 'Any endpoint with an `Accept` that Rails has no name for',
    when: 'always',
    play: (t) => t.post('/oauth/token', {}, { headers: { Accept: 'application/vnd.example' } }),
    answer: { status: 400, type: 'application/json', error: 'invalid_request' },
    doorkeeper: '406 with an empty page, before anything is looked at.',
    ours: 'The answer as ever.',
    why: 'An answer of another type is of more use to an OAuth client than none.',
    source: 'RFC 9110 §12.5.1, RFC 6749 §5.2',
  },
  {
    id: 'U07',
    asked: '`/oauth/authorize.xml`, and with other suffixes that name a type',
    when: 'always',
    play: signedIn((t) => t.get('/oauth/authorize.xml', { query: t.authz(), jar: t.jar })),
    answer: { status: 200, type: HTML },
    doorkeeper: 'A 500; `/oauth/authorize/native.json` is a 406.',
    ours: 'The page.',
    why: 'As for A133.',
    source: 'RFC 9110 §15.6.1',
  },
  {
    id: 'U08',
    asked: 'A method that HTTP does not know',
    when: 'always',
    play: (t) => t.req('FOO', '/oauth/token'),
    answer: { status: 400 },
    doorkeeper: '405 with an empty page.',
    ours: '400 and the connection closed: the parser takes registered methods only.',
    why: 'What two servers might read differently is not passed on.',
    source: 'RFC 9110 §9.1, RFC 9112 §11.2',
  },
  {
    id: 'U09',
    asked: 'Denying with the `redirect_uri` left out of the form, or one that is no URI',
    when: 'not handed off',
    play: deny(undefined),
    answer: { status: 400, type: 'application/json', error: 'invalid_redirect_uri' },
    doorkeeper: 'A 500.',
    ours: '`invalid_redirect_uri`, as for an approval.',
    why: 'As for C008.',
    source: 'RFC 6749 §4.1.2.1; entry 13',
  },
  {
    id: 'U10',
    asked: 'Denying with an empty `redirect_uri`',
    when: 'not handed off',
    play: deny(''),
    answer: { status: 400, type: 'application/json', error: 'invalid_redirect_uri' },
    doorkeeper: 'A redirect to the start page of the platform, with the error in its query.',
    ours: '`invalid_redirect_uri`, as for an approval.',
    why: 'As for C008.',
    source: 'RFC 6749 §4.1.2.1; entry 13',
  },
  {
    id: 'U11',
    asked: "Approving with the form token of the page's other form",
    when: 'not handed off',
    play: signedIn(async (t) => {
      const page = await t.authorize()
      const other = formsIn(page.body).find(({ method }) => method === 'delete')
      const token = other?.fields.find(([name]) => name === 'authenticity_token')?.[1]
      return t.submit(page, 'post', { authenticity_token: token })
    }),
    answer: { status: 302, location: CALLBACK, error: undefined },
    doorkeeper: '422, where Rails makes a token for each form (`per_form_csrf_tokens`).',
    ours: 'An approval: a token is good for every form of its session.',
    why: 'The token is to show that the answer comes from a page of this session; both forms stand on the same one.',
    source: 'RFC 6749 §10.12, RFC 9700 §4.7; entry 14',
  },
  {
    id: 'U12',
    asked: 'An unknown `prompt` of an out-of-band client, signed out',
    when: 'handed off',
    play: (t) => t.authorize({ client: 'native', params: { ...OIDC, prompt: 'bogus' } }),
    answer: { status: 400, type: 'application/json', location: undefined, error: 'invalid_request' },
    doorkeeper: 'The JSON error, with a stray `Location` of the sign-in page.',
    ours: 'The JSON error alone.',
    why: 'IAM does not know who is signed in before it has asked, and with 400 the header means nothing.',
    source: 'RFC 9110 §10.2.2; entry 4',
  },
  {
    id: 'U13',
    asked: '`prompt=select_account`, then the same request without it',
    when: 'handed off',
    play: signedIn(async (t) => {
      await t.authorize({ params: { ...OIDC, prompt: 'select_account' } })
      return t.authorize({ params: OIDC })
    }),
    answer: { status: 302, location: '{base}/users/sign_in' },
    doorkeeper: 'The sign-in page; the old session continues until someone has signed in.',
    ours: 'The sign-in page; the old session is over.',
    why: 'The hand-off knows one way to ask for another user: to sign in again.',
    source: 'OpenID Connect Core §3.1.2.1',
  },
  {
    id: 'U14',
    asked: '`POST /oauth/authorize` with the parameters of a request and no form token',
    when: 'handed off',
    play: signedIn((t) => t.post('/oauth/authorize', t.authz(), { jar: t.jar })),
    answer: { status: 200, type: HTML, location: undefined },
    doorkeeper: '422: it takes the post for a forged approval.',
    ours: 'A request like one by GET: it leads to the consent page.',
    why: 'Authorization servers must take requests by both; consent is given by its challenge alone, so nothing can be forged.',
    source: 'OpenID Connect Core §3.1.2.1, RFC 6749 §3.1; entry 14',
  },
]

/** Extracts from a response what {@link UNRECORDED_DIFFERENCES} expect. */
export function seenIn(reply: Reply, base: string): SeenAnswer {
  const { location, 'content-type': type } = reply.headers
  const [address, query = ''] = (location ?? '').split('?', 2)
  const json = parseJson(reply.body)
  const inBody = typeof json === 'object' && json !== null && 'error' in json ? String(json.error) : undefined
  return {
    status: reply.status,
    type: type?.split(';', 1)[0],
    location: location === undefined ? undefined : address?.replace(base, '{base}'),
    error: new URLSearchParams(query).get('error') ?? inBody,
  }
}
