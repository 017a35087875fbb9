import { type ProbeAnswer, ProbeFault, type ProbeRequest, send, type WireSettings } from '../wire.ts'
import { CookieJar } from './cookie-jar.ts'
import { type Form, formsIn } from './forms.ts'

/** A browser without scripts: it keeps cookies, reads forms, and follows one redirect at a time. */
export class Browser {
  readonly #wire: WireSettings
  readonly #jar = new CookieJar()

  constructor(wire: WireSettings) {
    this.#wire = wire
  }

  /** Opens an address. Rejects with {@link ProbeFault}. */
  open(url: string | URL): Promise<ProbeAnswer> {
    return this.#send({ method: 'GET', url })
  }

  /** Sends a form with some of its fields filled in. Rejects with {@link ProbeFault}. */
  submit(form: Form, filledIn: Readonly<Record<string, string>> = {}): Promise<ProbeAnswer> {
    const fields = new URLSearchParams()
    for (const [name, value] of form.fields) fields.append(name, filledIn[name] ?? value)
    if (form.method === 'POST') return this.#send({ method: 'POST', url: form.action, form: fields })
    const url = new URL(form.action)
    url.search = fields.toString()
    return this.open(url)
  }

  async #send(request: ProbeRequest): Promise<ProbeAnswer> {
    const url = new URL(request.url, this.#wire.origin)
    const cookie = this.#jar.headerFor(url.pathname)
    const headers = {
      accept: 'text/html,application/xhtml+xml',
      ...(cookie !== undefined && { cookie }),
      // A form of a page comes from that page's origin; Rails checks this.
      ...(request.method === 'POST' && { origin: url.origin }),
    }
    const answer = await send(this.#wire, { ...request, url, headers })
    this.#jar.keep(answer.setCookies)
    return answer
  }
}

/** The form in which a user signs in: the one with a password field. */
export function signInForm(page: ProbeAnswer): Form | undefined {
  return formsIn(page.text, page.url).find(({ fields }) => fields.some(([, , type]) => type === 'password'))
}

/** A sign-in form, filled in: the name goes into its first visible text field. */
export function filledSignIn(form: Form, user: { readonly username: string; readonly password: string }) {
  const name = form.fields.find(([, , type]) => type === 'text' || type === 'email')?.[0]
  const password = form.fields.find(([, , type]) => type === 'password')?.[0]
  return {
    ...(name !== undefined && { [name]: user.username }),
    ...(password !== undefined && { [password]: user.password }),
  }
}

/** The form of a device page: the one that asks for, or repeats, a user code. */
export function userCodeForm(page: ProbeAnswer): Form | undefined {
  return formsIn(page.text, page.url).find(({ fields }) => fields.some(([name]) => name === 'user_code'))
}

const DENY = /\b(deny|cancel|reject|refuse|decline|sign out|log out)\b/i
const ALLOW = /\b(authori[sz]e|allow|accept|approve|grant|continue|yes)\b/i

/** The form with which a user consents. */
export function consentForm(page: ProbeAnswer): Form | undefined {
  const candidates = formsIn(page.text, page.url).filter(
    ({ method, fields, buttons }) =>
      method === 'POST' &&
      !fields.some(([name, value]) => name === '_method' && /^delete$/i.test(value)) &&
      !buttons.some((label) => DENY.test(label)),
  )
  return candidates.find(({ buttons }) => buttons.some((label) => ALLOW.test(label))) ?? candidates[0]
}

/** The address a redirect leads to; undefined if the response is no redirect. */
export function redirectOf(answer: ProbeAnswer): URL | undefined {
  const isRedirect = answer.status === 301 || answer.status === 302 || answer.status === 303
  if (!isRedirect || answer.location === undefined) return undefined
  if (!URL.canParse(answer.location, answer.url.href)) throw new ProbeFault('unreadable')
  return new URL(answer.location, answer.url)
}
