import type { CookieJar } from './cookie-jar.ts'
import type { Answer, Send } from './transport.ts'

const HOPS = [
  /^\/users\/sign_in\?(.*&)?login_challenge=/,
  /^\/-\/iam\/consent/,
  /^\/oauth\/authorize\?(.*&)?(login|consent)_verifier=/,
]
const SIGN_IN = '/users/sign_in'
const MOST_HOPS = 12

/** Where the hand-off's own consent page submits its two forms. */
export const HAND_OFF_FORMS = { post: /^\/-\/iam\/consent(\/accept)?$/, delete: /^\/-\/iam\/consent\/reject$/ } as const

interface Walk {
  readonly answer: Answer
  /** Every response on the way. */
  readonly passed: readonly Answer[]
  readonly hops: readonly string[]
}

/**
 * Follows a redirect into the hand-off of sign-in and consent to the page where a browser ends up. A walk that ends at
 * the sign-in form counts as the redirect to it, without the query that names the hand-off.
 */
export async function walkHandOff(first: Answer, base: URL, jar: CookieJar, send: Send): Promise<Walk> {
  let answer = first
  const passed: Answer[] = []
  const hops: string[] = []
  while (hops.length < MOST_HOPS) {
    const url = redirectOf(answer, base)
    if (url?.host !== base.host || !HOPS.some((hop) => hop.test(url.pathname + url.search))) break
    hops.push(url.pathname)
    const next = await send({ method: 'GET', target: url.pathname + url.search, headers: jar.headers() })
    jar.take(next)
    passed.push(next)
    if (next.status === 200 && url.pathname.startsWith(SIGN_IN)) {
      return { answer: redirectedTo(answer, base.origin + url.pathname), passed, hops }
    }
    answer = next
  }
  return { answer, passed, hops }
}

function redirectOf(answer: Answer, base: URL): URL | undefined {
  const location = answer.headers.location
  if (location === undefined || ![301, 302, 303, 307].includes(answer.status)) return undefined
  return URL.canParse(location, base.href) ? new URL(location, base) : undefined
}

function redirectedTo(answer: Answer, location: string): Answer {
  const lines = answer.lines.map(
    ([name, value]) => [name, name.toLowerCase() === 'location' ? location : value] as const,
  )
  return { ...answer, headers: { ...answer.headers, location }, lines }
}
