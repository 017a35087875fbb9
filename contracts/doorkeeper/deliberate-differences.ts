import type { PinnedAnswer } from './pinned-answer.ts'
import { VERSIONS, type Version } from './recording.ts'

/** A step at which our servers deliberately answer differently from the recorded Doorkeeper. */
export interface DeliberateDifference {
  readonly id: string
  /** Counted from 1 among the compared steps. */
  readonly step: number
  /** The versions of Doorkeeper that answer as described. Default: all. */
  readonly versions?: readonly Version[]
  /** Whether it requires the hand-off of sign-in and consent, or its absence. */
  readonly when: 'always' | 'handed off' | 'not handed off'
  /** Our own answer, which is checked as strictly as the recording. */
  readonly answer: PinnedAnswer
  readonly doorkeeper: string
  readonly ours: string
  readonly why: string
  /** The RFC, advisory or entry of docs/doorkeeper.md that justifies the answer. */
  readonly source: string
}

const JSON_TYPE = ['Content-Type', 'application/json; charset=utf-8'] as const
const HTML_TYPE = ['Content-Type', 'text/html; charset=utf-8'] as const

/** Every deliberate difference; the contract test fails if one is missing here or no longer exists. */
export const DELIBERATE_DIFFERENCES: readonly DeliberateDifference[] = [
  {
    id: 'A133',
    step: 2,
    when: 'always',
    answer: { like: ['A133', 1] },
    doorkeeper: '`GET /oauth/authorize.json` is a 500: Rails has no template of that format.',
    ours: 'The page of `/oauth/authorize`.',
    why: 'A fault of the server is nothing a client can rely on.',
    source: 'RFC 9110 §15.6.1',
  },
  {
    id: 'A151',
    step: 1,
    when: 'always',
    answer: { like: ['A146', 1] },
    doorkeeper: '`prompt=login consent` is a 500.',
    ours: 'Sign-in first, then consent, as `prompt` asks.',
    why: 'The parameter is a list of values, and both may stand in it.',
    source: 'OpenID Connect Core §3.1.2.1; entry 5',
  },
  {
    id: 'C008',
    step: 1,
    when: 'not handed off',
    answer: { like: ['B011', 1] },
    doorkeeper: 'Denying validates nothing: with an unknown client, the redirect goes to any address the form names.',
    ours: '`invalid_client`, no redirect, as for an approval with an unknown client.',
    why: 'The form could send a user from our origin to any host: an open redirector.',
    source: 'RFC 6749 §4.1.2.1, RFC 9700 §4.11.2; entry 13',
  },
  {
    id: 'E119',
    step: 1,
    when: 'always',
    answer: {
      status: 413,
      headers: [JSON_TYPE, ['Cache-Control', 'no-store']],
      json: { error: 'invalid_request', error_description: 'The request body is larger than this server accepts.' },
    },
    doorkeeper: 'A form of over 1 MiB is read, and the code in it is invalid.',
    ours: '`invalid_request`, at the gateway.',
    why: 'The gateway holds a token request in memory to find its application, so its size has a limit.',
    source: 'RFC 9110 §15.5.14',
  },
  {
    id: 'E120',
    step: 1,
    when: 'always',
    answer: {
      status: 400,
      headers: [JSON_TYPE, ['Cache-Control', 'no-store']],
      json: {
        error: 'invalid_request',
        error_description: 'The request has too many parameters or is nested too deeply.',
      },
    },
    doorkeeper: 'More than 4,096 parameters are a 500.',
    ours: '`invalid_request`, at the gateway and at both servers alike.',
    why: 'Anyone can send such a request, so it must not look like a failure of the server: the gateway would stop using IAM for every client.',
    source: 'RFC 6749 §5.2, RFC 9110 §15.5.1',
  },
  {
    id: 'G011',
    step: 1,
    when: 'always',
    answer: { like: ['G005', 1], but: (token) => ({ ...token, scope: 'openid' }) },
    doorkeeper: 'Client credentials with `openid` are a 500, for there is no user to name.',
    ours: 'An access token, without an id_token.',
    why: 'The scope is one the application may ask for; only the id_token needs a user.',
    source: 'RFC 6749 §4.4.3; entry 26',
  },
  {
    id: 'I012',
    step: 1,
    versions: ['5.5'],
    when: 'always',
    answer: { like: ['I004', 1] },
    doorkeeper: 'Any application may revoke the token of a public one.',
    ours: 'Only the application that the token was issued to, as in 5.9.',
    why: 'One application could sign the users of another one out.',
    source: 'RFC 7009 §2.1; entry 35',
  },
  {
    id: 'I012',
    step: 2,
    versions: ['5.5'],
    when: 'always',
    answer: { like: ['I011', 2] },
    doorkeeper: 'That token is revoked.',
    ours: 'It is good still.',
    why: 'As for step 1.',
    source: 'RFC 7009 §2.1; entry 35',
  },
  {
    id: 'I025',
    step: 2,
    when: 'always',
    answer: { like: ['H001', 4] },
    doorkeeper: 'Revoking an expired access token does nothing, and its refresh token remains valid.',
    ours: 'Both are revoked, as for a token that has not expired.',
    why: 'The application received 200: a user who signs out after two hours must be signed out.',
    source: 'RFC 7009 §2.1; entry 36',
  },
  {
    id: 'I026',
    step: 2,
    versions: ['5.5'],
    when: 'always',
    answer: { like: ['H001', 4] },
    doorkeeper: 'Revoking a refresh token whose access token has expired does nothing.',
    ours: 'It is revoked, as in 5.9.',
    why: 'As for I025.',
    source: 'RFC 7009 §2.1; entry 36',
  },
  {
    id: 'M003',
    step: 1,
    when: 'always',
    answer: { like: ['M002', 1] },
    doorkeeper: 'The endpoints of the discovery document are of the host that `X-Forwarded-Host` names.',
    ours: 'They are of the host that was asked: the gateway takes the header away unless the peer is trusted.',
    why: 'Anyone could send the header, and a cache would hand endpoints of their choice to others.',
    source: 'RFC 9700 §4.13, RFC 8414 §6.2; entry 42',
  },
  {
    id: 'M009',
    step: 1,
    when: 'always',
    answer: { like: ['M009', 1], but: ({ keys }) => ({ keys: [keys, keys, keys].flat() }) },
    doorkeeper: 'The key set holds its one signing key.',
    ours: 'It holds the keys of both servers, in every phase of a move, and the one that IAM will sign with next.',
    why: 'An id_token must be verifiable whichever side signed it, before and after its application moved, and by anyone who has cached the keys when they change.',
    source: 'OpenID Connect Core §10.1.1',
  },
  {
    id: 'N009',
    step: 1,
    when: 'always',
    answer: { like: ['G008', 1] },
    doorkeeper: 'The device flow starts with a scope that the application may not have.',
    ours: '`invalid_scope`.',
    why: 'The limit of an application holds in every grant.',
    source: 'RFC 6749 §3.3 and §5.2, which RFC 8628 §3.2 refers to; entry 46',
  },
  {
    id: 'N031',
    step: 1,
    when: 'always',
    answer: { like: ['N017', 1] },
    doorkeeper: 'The device gets a token with a scope that its application may not have.',
    ours: 'There is no grant to collect: `invalid_grant`.',
    why: 'As for N009, which refused to start.',
    source: 'RFC 6749 §3.3; entry 46',
  },
  {
    id: 'N031',
    step: 2,
    when: 'always',
    answer: { like: ['K006', 1] },
    doorkeeper: 'That token is good.',
    ours: 'There is none.',
    why: 'As for N009.',
    source: 'RFC 6749 §3.3; entry 46',
  },
  {
    id: 'N033',
    step: 4,
    when: 'always',
    answer: { like: ['N033', 4], but: (token) => ({ ...token, resource_owner_id: 1 }) },
    doorkeeper:
      "Posting the page without `user_code` takes over a grant another user approved: the device gets the poster's token.",
    ours: 'The device gets the token of the user who approved it.',
    why: 'One user could sign another one’s device in to an account of their own.',
    source: 'RFC 8628 §3.3; entry 48',
  },
  {
    id: 'A004',
    step: 3,
    when: 'handed off',
    answer: { status: 302, headers: [HTML_TYPE, ['Location', '{base}/']] },
    doorkeeper: 'Sign-in returns to the authorization request that the session remembers.',
    ours: 'The page of the sign-in names the hand-off it belongs to; posted without that name, it returns to the start page.',
    why: 'The scenario opens `/users/sign_in` bare, as no browser in a flow does. Two flows in one browser stay apart.',
    source: 'RFC 9700 §4.7; scenario A001 makes the whole walk',
  },
  {
    id: 'A134',
    step: 1,
    when: 'handed off',
    answer: {
      status: 302,
      headers: [HTML_TYPE, ['Location', '{base}/users/sign_in?login_challenge=<opaque>']],
    },
    doorkeeper: 'Without a session, to the sign-in.',
    ours: 'The same, with `login_challenge` in the query.',
    why: 'The request has no cookies, so no browser walks on, and the hand-off shows in the redirect.',
    source: 'scenario A002 compares the same redirect as a browser sees it',
  },
  ...(
    [
      ['B011', 'An unknown `client_id` in the form is 401.'],
      ['B013', 'An unknown `scope` in the form redirects with `invalid_scope`.'],
      ['B015', 'Another `response_type` in the form redirects with `unsupported_response_type`.'],
      ['B018', 'A form without `client_id` is 400.'],
    ] as const
  ).map(([id, doorkeeper]) => ({
    id,
    step: 1,
    when: 'handed off' as const,
    answer: { like: ['B001', 1] as const },
    doorkeeper,
    ours: 'The form holds a consent challenge and nothing of the request; what is added to it is ignored.',
    why: 'What was shown is what is granted. A changed challenge is refused, which the contract test tries.',
    source: 'RFC 6749 §10.12; entry 12',
  })),
  {
    id: 'B025',
    step: 1,
    when: 'handed off',
    answer: { like: ['A001', 2] },
    doorkeeper: 'The authorization request posted as JSON with a good `X-CSRF-Token` is an approval.',
    ours: 'It is a request, and leads to the consent page.',
    why: 'Consent is given on the page that shows what is asked, by its challenge alone.',
    source: 'RFC 6749 §3.1 and §10.12; entry 14',
  },
  {
    id: 'C012',
    step: 1,
    when: 'handed off',
    answer: { like: ['D005', 1] },
    doorkeeper: '`DELETE /oauth/authorize` denies.',
    ours: 'It is not found: denying is the other form of the consent page.',
    why: 'No browser sends DELETE from a form; scenario C001 denies as browsers do.',
    source: 'RFC 9110 §15.5.5; entry 13',
  },
]

/** How a server under the contract is reached, and which recording it is compared with. */
export interface Circumstances {
  readonly version: Version
  /** Whether sign-in and consent are handed off to another server. */
  readonly handsOff: boolean
}

/** The differences that occur under the given circumstances. */
export function differencesFor({ version, handsOff }: Circumstances): DeliberateDifference[] {
  const never = handsOff ? 'not handed off' : 'handed off'
  return DELIBERATE_DIFFERENCES.filter(({ when, versions = VERSIONS }) => when !== never && versions.includes(version))
}
