import { Browser, type Page } from '../support/browser.ts'
import { CALLBACK, clientId, type SideName, type Site } from './site.ts'

/** The address of an authorization request; `undefined` removes a parameter. */
export function authorizeUrl(
  site: Site,
  side: SideName,
  over: Readonly<Record<string, string | undefined>> = {},
): string {
  const parameters = {
    client_id: clientId(side),
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'read_user',
    state: 'st-1',
    ...over,
  }
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return `${site.url}/oauth/authorize?${new URLSearchParams(given)}`
}

/** The path of a browser: every redirect's target, and the last page or the redirect that left the site. */
export interface Walk {
  readonly page: Page
  readonly targets: readonly string[]
}

/** Follows redirects as long as they stay on the site. */
export async function walk(site: Site, browser: Browser, first: Promise<Page>): Promise<Walk> {
  const targets: string[] = []
  let page = await first
  for (let hops = 0; page.location !== undefined && hops < 15; hops++) {
    targets.push(page.headers.get('location') ?? '')
    if (page.location.origin !== new URL(site.url).origin) break
    page = await browser.visit(page.location)
  }
  return { page, targets }
}

/** Performs an authorization as alice, with or without consent, up to the final page or redirect. */
export async function authorizeAs(
  site: Site,
  browser: Browser,
  address: string,
  consent: 'Authorize' | 'Deny' = 'Authorize',
  login = 'alice',
): Promise<Walk> {
  const targets: string[] = []
  let step = await walk(site, browser, browser.visit(address))
  for (let forms = 0; forms < 3; forms++) {
    targets.push(...step.targets)
    const form = step.page.forms.find(
      ({ fields, buttons }) => buttons.includes(consent) || fields.some(([name]) => name === 'user[password]'),
    )
    if (step.page.location !== undefined || form === undefined) break
    const typed = { 'user[login]': login, 'user[password]': `${login}-password` }
    const isSignIn = form.fields.some(([name]) => name === 'user[password]')
    const filled = { ...Object.fromEntries(form.fields), ...(isSignIn ? typed : {}) }
    step = await walk(site, browser, browser.visit(form.action, { form: filled }))
  }
  return { page: step.page, targets: [...targets, ...step.targets] }
}

/** Obtains a code that a user has consented to. */
export async function codeFor(
  site: Site,
  side: SideName,
  over: Readonly<Record<string, string | undefined>> = {},
  login = 'alice',
): Promise<string> {
  const { page } = await authorizeAs(site, new Browser(), authorizeUrl(site, side, over), 'Authorize', login)
  const code = page.location?.searchParams.get('code')
  if (!code) throw new Error(`no code: ${page.status} at ${page.url.pathname}`)
  return code
}
