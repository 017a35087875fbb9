const LAST_ATTEMPT = 'handover.sign-in-attempt'
const AGAIN_AFTER_MS = 10_000

/**
 * Leads to the sign-in page and back to this address: without a session, the control plane answers a reload with a
 * redirect to sign-in, and returns afterwards. A session that the page has and the API refuses would reload forever, so
 * there is at most one reload in ten seconds.
 */
export function leadToSignIn(): void {
  const last = Number(sessionStorage.getItem(LAST_ATTEMPT) ?? 0)
  if (Math.abs(Date.now() - last) < AGAIN_AFTER_MS) return
  sessionStorage.setItem(LAST_ATTEMPT, String(Date.now()))
  location.reload()
}
