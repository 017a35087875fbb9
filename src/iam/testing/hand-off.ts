import assert from 'node:assert/strict'
import { INTERNAL_PATHS } from '../../handoff/index.ts'
import type { Browser } from './browser.ts'
import { authorizeUrl, confidential } from './clients.ts'
import { alice, type Platform } from './platform.ts'

/** The individual steps of a hand-off: what a browser and the monolith do in turn. */
export function handOffSteps(platform: () => Platform) {
  const challengeOf = (location: URL | undefined) => location?.searchParams.get('login_challenge') ?? ''
  const tell = async (path: string, challenge: string, body: unknown) => {
    const answer = await platform().internal('PUT', `${path}?challenge=${challenge}`, body)
    assert.equal(answer.status, 200, answer.text)
    return (answer.json as { redirect_to: string }).redirect_to
  }
  /** Takes a request to the open sign-in page; returns its challenge. */
  const startSignIn = async (by: Browser, url = authorizeUrl(confidential)) =>
    challengeOf((await by.once(url)).location)
  /** Accepts a login as the monolith does; returns where the browser is sent. */
  const acceptLogin = (challenge: string, user = alice) => tell(INTERNAL_PATHS.loginAccept, challenge, user)
  return {
    challengeOf,
    startSignIn,
    acceptLogin,
    rejectLogin: (challenge: string, error: string) => tell(INTERNAL_PATHS.loginReject, challenge, { error }),
    /** Takes a request to the open consent page; returns its challenge. */
    async startConsent(by: Browser, url = authorizeUrl(confidential)) {
      const { location } = await by.once(await acceptLogin(await startSignIn(by, url)))
      return location?.searchParams.get('consent_challenge') ?? ''
    },
    /** The internal port's answer to a consent, whatever it is. */
    acceptConsent: (challenge: string, body: unknown = { grant_scope: ['api'], subject: '1' }) =>
      platform().internal('PUT', `${INTERNAL_PATHS.consentAccept}?challenge=${challenge}`, body),
    /** Consents as the monolith does; returns where the browser is sent. */
    agree: (challenge: string) => tell(INTERNAL_PATHS.consentAccept, challenge, { grant_scope: ['api'], subject: '1' }),
    rejectConsent: (challenge: string, error: string) => tell(INTERNAL_PATHS.consentReject, challenge, { error }),
    /** Makes every challenge and credential this much older. */
    advance: (seconds: number) => fetch(`${platform().origin}/__lab/advance?seconds=${seconds}`, { method: 'POST' }),
  }
}
