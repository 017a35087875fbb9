import type { HttpReply } from '../../http/index.ts'
import { messagePage, redirectTo } from '../browser/answers.ts'
import type { Visit } from '../browser/visit.ts'
import type { IamAnswer } from '../iam-client/iam-client.ts'

const FORGOTTEN = 'This request has expired. Go back to the application and start again.'

/**
 * For a challenge unknown to IAM: it has expired, or the address is mistyped. A GET redirects to the sign-in page, or
 * home for a signed-in user, with a message; an answer is rejected with 400.
 */
export function forgottenRequest(visit: Visit): HttpReply {
  if (visit.method !== 'GET') {
    const link = { href: '/', label: 'Home' }
    return messagePage(visit, 400, { heading: 'This request has expired', text: FORGOTTEN, link })
  }
  visit.session.set('flash', { kind: 'alert', text: FORGOTTEN })
  return redirectTo(visit, visit.owner ? '/' : '/users/sign_in', 303)
}

/** 502: IAM did not answer. Nothing is lost; `retry` is the address for another attempt. */
export function unavailablePage(visit: Visit, retry: string): HttpReply {
  return messagePage(visit, 502, {
    heading: 'The sign-in service did not answer',
    text: 'Nothing was lost, and you do not need to start over. Wait a moment, then try again.',
    link: { href: retry, label: 'Try again' },
  })
}

/** For a user who has just signed in for a challenge that IAM no longer knows: redirects home with a message. */
export function signedInForNothing(visit: Visit): HttpReply {
  visit.session.set('flash', { kind: 'alert', text: FORGOTTEN })
  return redirectTo(visit, '/', 303)
}

/** Sends the browser to the address that IAM returned, or shows why that is impossible. */
export function onward(visit: Visit, answer: IamAnswer<string>, retry: string): HttpReply {
  if (answer.kind === 'ok') return redirectTo(visit, answer.value, 303)
  return answer.kind === 'gone' ? forgottenRequest(visit) : unavailablePage(visit, retry)
}
