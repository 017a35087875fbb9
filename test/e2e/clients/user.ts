import type { Browser, Page } from '../../support/browser.ts'

/** A user of the seed, and their answer to a client's consent request. */
export interface User {
  readonly login: string
  readonly password: string
  readonly answer: 'authorize' | 'deny'
}

export const ALICE: User = { login: 'alice', password: 'alice-password-1', answer: 'authorize' }

/**
 * The user's part of a sign-in: fills in the sign-in form and the consent form when they appear, back to the client.
 */
export async function walkThroughPages(
  browser: Browser,
  address: string,
  redirectUri: string,
  user: User = ALICE,
): Promise<URL> {
  let page: Page = await browser.open(address, redirectUri)
  for (let forms = 0; forms < 4; forms++) {
    if (page.location?.href.startsWith(redirectUri)) return page.location
    const signIn = page.forms.find((form) => form.fields.some(([name]) => name === 'user[password]'))
    const consent = page.forms.find((form) => form.buttons.some((text) => text.toLowerCase() === user.answer))
    if (signIn) page = await browser.submit(signIn, credentialsOf(user), redirectUri)
    else if (consent) page = await browser.submit(consent, {}, redirectUri)
    else throw new Error(`stuck at ${page.url.pathname} (${page.status}): ${page.text.slice(0, 600)}`)
  }
  throw new Error(`too many forms, the last at ${page.url.pathname}`)
}

/** Enters a device's code on the device page, signed in. */
export async function approveDevice(
  browser: Browser,
  issuer: string,
  userCode: string,
  user: User = ALICE,
): Promise<Page> {
  let page = await browser.open(`${issuer}/oauth/device`)
  const signIn = page.forms.find((form) => form.fields.some(([name]) => name === 'user[password]'))
  if (signIn) page = await browser.submit(signIn, credentialsOf(user))
  if (!page.url.pathname.startsWith('/oauth/device')) page = await browser.open(`${issuer}/oauth/device`)
  const form = page.forms.find((one) => one.fields.some(([name]) => name === 'user_code'))
  if (!form) throw new Error(`no form for a code at ${page.url.pathname}: ${page.text.slice(0, 400)}`)
  return browser.submit(form, { user_code: userCode })
}

function credentialsOf({ login, password }: User): Record<string, string> {
  return { 'user[login]': login, 'user[password]': password }
}
