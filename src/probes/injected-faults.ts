import { randomBytes } from 'node:crypto'
import type { OutcomeSide } from '../outcomes/index.ts'
import { signIn } from './flows/authorize.ts'
import { clientRequest, discard, type Grant, password, refresh, type Walk } from './flows/token.ts'
import { faultOf, StepFailure, StepFault, Trace } from './trace.ts'
import type { ProbeStep, Twin } from './twin.ts'
import { oauthErrorOf, send, sendAndLoseAnswer, type WireSettings } from './wire.ts'

/** The faults that a probe injects on demand, to see what a client meets then. */
export const INJECTED_FAULTS = ['lost_answer', 'redirected_post', 'too_many_requests'] as const
export type InjectedFault = (typeof INJECTED_FAULTS)[number]

/** What a client met under an injected fault. */
export interface InjectedFaultResult {
  readonly fault: InjectedFault
  readonly verdict: 'succeeded' | 'failed'
  /**
   * What the client experienced: for `lost_answer`, `kept` if the retry got tokens and `signed_out` if the user has to
   * sign in again (both are correct, and servers differ); otherwise `as_expected` or the error.
   */
  readonly observed: string
  readonly side: OutcomeSide | undefined
  readonly steps: readonly ProbeStep[]
}

/** Wrong secrets sent to reach a limit: more than the default `limit_client_failures` allows, and no flood. */
const MAX_GUESSES = 30

/**
 * Injects one fault with a twin. `too_many_requests` uses up the twin's allowance of wrong secrets, so it needs a twin
 * of its own. Never rejects; the result contains no credential.
 */
export async function probeFault(fault: InjectedFault, twin: Twin, wire: WireSettings): Promise<InjectedFaultResult> {
  const walk: Walk = { twin, wire, trace: new Trace() }
  const tries = { lost_answer: lostAnswer, redirected_post: redirectedPost, too_many_requests: tooManyRequests }
  let observed: string
  let verdict: InjectedFaultResult['verdict'] = 'succeeded'
  try {
    observed = await tries[fault](walk)
  } catch (error) {
    verdict = 'failed'
    observed = error instanceof StepFailure ? error.code : 'unreachable'
  }
  return { fault, verdict, observed, side: walk.trace.steps.at(-1)?.side, steps: walk.trace.steps }
}

/** A client loses the response to a refresh and sends the same refresh token again (clients.md, row 12). */
async function lostAnswer(walk: Walk): Promise<string> {
  const { twin, wire, trace } = walk
  const grant: Grant = twin.kinds.includes('sign_in') ? await signIn(walk) : await password(walk)
  const refreshToken = grant.refreshToken
  if (refreshToken === undefined) throw new StepFailure('token', 'missing_refresh_token')
  const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
  await sendAndLoseAnswer(wire, clientRequest(twin, '/oauth/token', form))
  const refused = await trace.step(
    'retry',
    () => send(wire, clientRequest(twin, '/oauth/token', form)),
    (answer) => {
      if (answer.status === 200) return answer.json === undefined ? faultOf(answer) : 'kept'
      return answer.status === 400 && oauthErrorOf(answer) === 'invalid_grant' ? 'signed_out' : faultOf(answer)
    },
  )
  if (refused === 'kept') {
    const again = await refresh(walk, grant, 'after_retry').catch(() => undefined)
    await discard(walk, [again ?? grant])
  }
  return refused
}

/** A form POST must never be answered with a redirect, because clients repeat it as GET and lose the body (row 27). */
async function redirectedPost(walk: Walk): Promise<string> {
  const { twin, wire, trace } = walk
  const form = { grant_type: 'refresh_token', refresh_token: randomBytes(16).toString('hex') }
  for (const path of ['/oauth/token', '/oauth/token/', '/oauth/token.json', '/oauth/revoke/', '/oauth/introspect/']) {
    await trace.step(
      path.slice(1).replaceAll('/', '_'),
      () => send(wire, clientRequest(twin, path, path.includes('token') ? form : { token: form.refresh_token })),
      (answer) => (answer.status >= 300 && answer.status < 400 ? new StepFault('unexpected_redirect') : true),
    )
  }
  return 'as_expected'
}

/** A client over its limit must learn this in JSON, with the time of its next try (RFC 6585 §4; row 27). */
async function tooManyRequests(walk: Walk): Promise<string> {
  const { twin, wire, trace } = walk
  const form = { grant_type: 'client_credentials', scope: twin.scope }
  for (let guess = 0; guess < MAX_GUESSES; guess++) {
    const wrong = { ...twin, clientSecret: randomBytes(16).toString('hex') }
    const verdict = await trace.step(
      'wrong_secret',
      () => send(wire, clientRequest(wrong, '/oauth/token', form)),
      (answer) => {
        if (answer.status === 400 || answer.status === 401) return 'go_on'
        if (answer.status !== 429) return faultOf(answer)
        if (answer.json === undefined || typeof answer.json['error'] !== 'string') return new StepFault('unreadable')
        return answer.retryAfter === undefined ? new StepFault('missing_retry_after') : 'as_expected'
      },
    )
    if (verdict !== 'go_on') return verdict
  }
  return 'no_limit'
}
