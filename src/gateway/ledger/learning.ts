import type { Destination, Endpoint } from '../../routing/index.ts'
import type { CredentialLedger } from './credential-ledger.ts'
import { issuedInForm, issuedInJson, issuedInLocation } from './issued.ts'

/** Where a gateway stores what it learns from responses. */
export interface Learner {
  readonly ledger: CredentialLedger
  /** Undefined without IAM, since there are only legacy's keys then. */
  readonly keys: { see(side: Destination, text: string): void } | undefined
  /** IAM has its own pages under /oauth/authorize, so that its flows need a mark as well. */
  readonly marksIamFlows: boolean
}

/** Records the code that a redirect delivers to a client. */
export function learnFromRedirect(learner: Learner, side: Destination, location: string): void {
  for (const issued of issuedInLocation(location)) learner.ledger.learn(side, issued)
}

/**
 * Whether a response may be a form that delivers a code (OAuth 2.0 Form Post Response Mode) from an IAM without marks.
 */
export function mayHoldForm(learner: Learner, side: Destination, status: number, type: string | undefined): boolean {
  return side === 'iam' && learner.ledger.iamMayHoldUnknown && status === 200 && /^text\/html\b/i.test(type ?? '')
}

/** Records the code in a form that a browser will post to a client. */
export function learnFromForm(learner: Learner, side: Destination, page: string): void {
  for (const issued of issuedInForm(page)) learner.ledger.learn(side, issued)
}

/** Records the tokens and device codes in a JSON response that the marks and keys of its side do not identify. */
export function learnFromJson(learner: Learner, endpoint: Endpoint, side: Destination, text: string): void {
  learner.keys?.see(side, text)
  if (!learner.ledger.isConcernedBy(side, text)) return
  for (const issued of issuedInJson(endpoint, text)) {
    // Unless IAM has a device page too, the monolith's page handles the user codes of both.
    if (issued.type !== 'user_code' || learner.marksIamFlows) learner.ledger.learn(side, issued)
  }
}
