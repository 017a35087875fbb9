import { type HttpHandler, serve } from '../../src/http/index.ts'
import {
  type MonolithSettings,
  type RunningMonolith,
  type SeedDocument,
  startMonolith,
} from '../../src/monolith/index.ts'
import { type Log, silentLog } from '../../src/observability/index.ts'
import type { Form } from '../../src/probes/index.ts'
import type { Database } from '../../src/storage/index.ts'
import { Browser, type Page } from './browser.ts'

/** Two users, and one application of each kind. */
export const SEED: SeedDocument = {
  users: [
    { id: 1, username: 'alice', password: 'alice-password', name: 'Alice Example', email: 'alice@example.test' },
    { id: 2, username: 'bob', password: 'bob-password', name: 'Bob Example', email: 'bob@example.test' },
  ],
  clients: {
    web: client(1, 'Web <App>', 'web', true, 'https://web.example.test/callback', 'web-secret'),
    phone: client(2, 'Phone App', 'phone', false, 'myapp://oauth/callback'),
    native: client(3, 'Native App', 'native', true, 'urn:ietf:wg:oauth:2.0:oob', 'native-secret'),
  },
}

function client(id: number, name: string, uid: string, confidential: boolean, uri: string, secret?: string) {
  return { id, name, uid, secret: secret ?? null, confidential, trusted: false, scopes: '', redirect_uris: [uri] }
}

/** The query of an authorization request of the seed's web application. */
export function authorizePath(over: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({
    client_id: 'web',
    redirect_uri: 'https://web.example.test/callback',
    response_type: 'code',
    scope: 'api',
    state: 'st-1',
    ...over,
  })
  return `/oauth/authorize?${query}`
}

/** Starts a monolith on a free port, with its address as the issuer. */
export async function startPlatform(
  database: Database,
  over: Partial<MonolithSettings> & { readonly log?: Log } = {},
): Promise<RunningMonolith> {
  const { log = silentLog, ...settings } = over
  return startMonolith(
    { listen: { host: '127.0.0.1', port: 0 }, issuer: 'http://issuer.example.test', database, seed: SEED, ...settings },
    log,
  )
}

/** Fills in the sign-in form on `page` and submits it, without following redirects. */
export function sendSignIn(browser: Browser, page: Page, login = 'alice', password?: string): Promise<Page> {
  const form = { ...fieldsOf(page.forms[0]), 'user[login]': login, 'user[password]': password ?? `${login}-password` }
  return browser.visit(page.forms[0]?.action ?? page.url, { form })
}

/** A browser with a signed-in user. */
export async function signedInBrowser(base: string, login = 'alice'): Promise<Browser> {
  const browser = new Browser()
  const answer = await sendSignIn(browser, await browser.visit(`${base}/users/sign_in`), login)
  if (answer.status !== 302) throw new Error(`sign-in was answered ${answer.status}`)
  return browser
}

/** The fields that a form would send unchanged. */
export function fieldsOf(form: Form | undefined): Record<string, string> {
  return Object.fromEntries(form?.fields ?? [])
}

/** Clicks the button with this label after filling in `fields`, without following redirects. */
export function press(
  browser: Browser,
  page: Page,
  button: string,
  fields: Readonly<Record<string, string>> = {},
): Promise<Page> {
  const form = page.forms.find((candidate) => candidate.buttons.includes(button))
  if (!form) throw new Error(`no form of ${page.url.pathname} has the button ${button}`)
  return browser.visit(form.action, { form: { ...fieldsOf(form), ...fields } })
}

/** The Cookie header that a browser sends, as an eavesdropper could copy it; cookies ignore ports. */
export async function copyCookies(browser: Browser): Promise<string> {
  const handler: HttpHandler = async ({ headers }) => ({ status: 200, headers: [], body: headers.cookie ?? '' })
  const onlooker = await serve({ listen: { host: '127.0.0.1', port: 0 }, handler, log: silentLog })
  const { text } = await browser.visit(onlooker.url)
  await onlooker.close(0)
  return text
}

/** The text of a page as a user reads it. */
export function textOfPage(page: Page): string {
  const text = page.text.replace(/<(style|head)\b[\s\S]*?<\/\1>/g, ' ').replace(/<[^>]+>/g, ' ')
  const plain = text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&#39;/g, "'").replace(/&amp;/g, '&')
  return plain.replace(/\s+/g, ' ').trim()
}
