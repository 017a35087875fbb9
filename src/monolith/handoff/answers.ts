import type { HttpReply } from '../../http/index.ts'
import { messagePage, redirectTo } from '../browser/answers.ts'
import type { Visit } from '../browser/visit.ts'
import type { IamAnswer } from './iam-client.ts'

/** 400: the challenge is none that IAM waits for any more. */
export function staleRequestPage(visit: Visit): HttpReply {
  return messagePage(visit, 400, {
    heading: 'This request has expired',
    text: 'It was used already, took too long, or is not meant for you. Go back to the application and start again.',
  })
}

/** 502: IAM did not answer. Nothing is lost; `retry` is the address to try again at. */
export function unavailablePage(visit: Visit, retry: string): HttpReply {
  return messagePage(visit, 502, {
    heading: 'The sign-in service did not answer',
    text: 'Nothing was lost, and you do not need to start over. Wait a moment, then try again.',
    link: { href: retry, label: 'Try again' },
  })
}

/** Sends the browser on where IAM said so, or shows why it cannot be. */
export function onward(visit: Visit, answer: IamAnswer<string>, retry: string): HttpReply {
  if (answer.kind === 'ok') return redirectTo(visit, answer.value, 303)
  return answer.kind === 'gone' ? staleRequestPage(visit) : unavailablePage(visit, retry)
}
