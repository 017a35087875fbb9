import { formsIn } from '../../src/probes/index.ts'
import { answerConsent, ask, authorize, credentialsOf, isSignIn, toConsent } from './authorize.ts'
import { someScopes } from './population.ts'
import {
  expectActive,
  issuerOf,
  jsonOf,
  post,
  redeem,
  refresh,
  revoke,
  type Tokens,
  tokenInfo,
  tokensIn,
  userinfo,
  verifyIdToken,
} from './tokens.ts'
import type { Walk } from './walk.ts'

/** A way in which clients use the platform, from the first request to the last. */
export interface Flow {
  readonly name: string
  readonly weight: number
  /** The kinds of application that use it. */
  readonly kinds: ReadonlyArray<'confidential' | 'public' | 'native' | 'trusted'>
  run(walk: Walk): Promise<void>
}

const ALL = ['confidential', 'public', 'native', 'trusted'] as const
const CONFIDENTIAL = ['confidential', 'native', 'trusted'] as const

/** The flows of the storm, weighted by frequency. */
export const FLOWS: readonly Flow[] = [
  { name: 'code', weight: 30, kinds: ALL, run: codeFlow },
  { name: 'refresh chain', weight: 15, kinds: ALL, run: refreshChain },
  { name: 'client credentials', weight: 20, kinds: CONFIDENTIAL, run: clientCredentials },
  { name: 'device', weight: 10, kinds: ALL, run: device },
  { name: 'two tabs', weight: 8, kinds: ['confidential', 'public'], run: twoTabs },
  { name: 'back button', weight: 8, kinds: ['confidential', 'public'], run: backButton },
  { name: 'denial', weight: 6, kinds: ['confidential', 'public'], run: denial },
  { name: 'password', weight: 1, kinds: CONFIDENTIAL, run: password },
]

async function codeFlow(walk: Walk): Promise<void> {
  const asked = ask(walk, someScopes(walk.random))
  const tokens = await redeem(walk, asked, await authorize(walk, asked))
  await use(walk, tokens, asked.nonce)
}

async function refreshChain(walk: Walk): Promise<void> {
  const asked = ask(walk, someScopes(walk.random))
  let tokens = await redeem(walk, asked, await authorize(walk, asked))
  for (let links = 2 + walk.random.below(6); links > 0; links--) tokens = await refresh(walk, tokens)
  await use(walk, tokens, undefined)
}

async function clientCredentials(walk: Walk): Promise<void> {
  const fields = { grant_type: 'client_credentials', scope: 'api' }
  const tokens = tokensIn(
    walk,
    'client credentials',
    await post(walk, 'client credentials', 'new', '/oauth/token', fields),
  )
  walk.expect('client credentials', tokens.refresh === undefined, 'a refresh token came with it')
  await expectActive(walk, tokens, true)
  if (walk.random.chance(0.3)) await revoke(walk, tokens)
}

async function password(walk: Walk): Promise<void> {
  const { username, password: secret } = walk.user
  const fields = { grant_type: 'password', username, password: secret, scope: 'read_user' }
  const tokens = tokensIn(walk, 'password', await post(walk, 'password', 'new', '/oauth/token', fields))
  await use(walk, tokens, undefined)
}

/** Submits the page of the first tab after the second tab, with another request, has finished. */
async function twoTabs(walk: Walk): Promise<void> {
  const first = ask(walk, 'read_user profile')
  const firstPage = await toConsent(walk, first)
  const second = ask(walk, someScopes(walk.random))
  await redeem(walk, second, await authorize(walk, second))
  const back = Array.isArray(firstPage) ? await answerConsent(walk, first, firstPage, 'authorize') : firstPage
  walk.expect('first tab', 'code' in back, JSON.stringify(back))
  await use(walk, await redeem(walk, first, back.code), first.nonce)
}

/** Opens the same address again, and submits both of its pages. */
async function backButton(walk: Walk): Promise<void> {
  const asked = ask(walk, 'read_user email')
  const pages = [await toConsent(walk, asked), await toConsent(walk, asked)]
  for (const page of pages.reverse()) {
    const back = Array.isArray(page) ? await answerConsent(walk, asked, page, 'authorize') : page
    walk.expect('back button', 'code' in back, JSON.stringify(back))
    await redeem(walk, asked, back.code)
  }
}

async function denial(walk: Walk): Promise<void> {
  const asked = ask(walk, 'api profile email')
  const page = await toConsent(walk, asked)
  if (!Array.isArray(page)) return
  const back = await answerConsent(walk, asked, page, 'deny')
  walk.expect('denial', 'error' in back && back.error === 'access_denied', JSON.stringify(back))
}

async function device(walk: Walk): Promise<void> {
  const scope = someScopes(walk.random)
  const started = await post(walk, 'authorize device', 'new', '/oauth/authorize_device', { scope })
  const { device_code: deviceCode, user_code: userCode } = jsonOf(started)
  walk.expect('authorize device', typeof deviceCode === 'string' && typeof userCode === 'string', started)
  await approve(walk, userCode)
  const fields = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: deviceCode }
  const tokens = tokensIn(walk, 'poll', await post(walk, 'poll', issuerOf(deviceCode), '/oauth/token', fields))
  await use(walk, tokens, undefined)
}

export async function approve(walk: Walk, userCode: string): Promise<void> {
  let answer = await walk.send('device page', 'either', {
    method: 'GET',
    url: walk.url('/oauth/device'),
    jar: walk.jar,
  })
  for (let pages = 0; pages < 8; pages++) {
    if (answer.location !== undefined) {
      answer = await walk.send('to the device page', 'either', { method: 'GET', url: answer.location, jar: walk.jar })
      continue
    }
    walk.expect('device page', answer.status === 200, answer)
    const forms = formsIn(answer.body, walk.url('/'))
    const signIn = forms.find(isSignIn)
    const form = signIn ?? forms.find(({ fields }) => fields.some(([name]) => name === 'user_code'))
    walk.expect('device page', form !== undefined, 'a page without a form for the code')
    const typed: Record<string, string> = signIn ? credentialsOf(walk) : { user_code: userCode }
    const fields = { ...Object.fromEntries(form.fields), ...typed }
    const sent = { method: 'POST', url: form.action, form: fields, jar: walk.jar } as const
    answer = await walk.send(signIn ? 'sign in' : 'approve', 'either', sent)
    if (signIn === undefined) return walk.expect('approve', answer.status < 400, answer)
    if (answer.location?.pathname !== '/oauth/device') {
      answer = await walk.send('device page', 'either', {
        method: 'GET',
        url: walk.url('/oauth/device'),
        jar: walk.jar,
      })
    }
  }
  walk.expect('device page', false, 'too many pages')
}

/** Uses tokens as clients do, in any order. */
async function use(walk: Walk, first: Tokens, nonce: string | undefined): Promise<void> {
  let tokens = first
  if (tokens.idToken !== undefined && walk.random.chance(0.5)) await verifyIdToken(walk, tokens.idToken, nonce)
  for (let uses = walk.random.below(4); uses > 0; uses--) {
    const what = walk.random.weighted([
      [3, 'introspect'],
      [2, 'userinfo'],
      [1, 'token info'],
      [tokens.refresh === undefined ? 0 : 3, 'refresh'],
    ])
    if (what === 'introspect') await expectActive(walk, tokens, true)
    else if (what === 'userinfo') await userinfo(walk, tokens)
    else if (what === 'token info') await tokenInfo(walk, tokens)
    else tokens = await refresh(walk, tokens)
  }
  if (walk.random.chance(0.4)) await revoke(walk, tokens)
}
