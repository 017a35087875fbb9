import type { Destination, Endpoint } from '../../routing/index.ts'
import type { CredentialLedger } from './credential-ledger.ts'
import { issuedInForm, issuedInJson, issuedInLocation } from './issued.ts'

/** Where a gateway keeps what it learns from answers. */
export interface Learner {
  readonly ledger: CredentialLedger
  /** Undefined without IAM, as legacy's keys are all there are then. */
  readonly keys: { see(side: Destination, text: string): void } | undefined
  /** IAM shows pages of its own under /oauth/authorize, so that its flows need a mark as well. */
  readonly marksIamFlows: boolean
}

/** Takes note of the code that a redirect hands to a client. */
export function learnFromRedirect(learner: Learner, side: Destination, location: string): void {
  for (const issued of issuedInLocation(location)) learner.ledger.learn(side, issued)
}

/** Whether an answer may be a form that hands a code over (OAuth 2.0 Form Post Response Mode), of a side that marks none. */
export function mayHoldForm(learner: Learner, side: Destination, status: number, type: string | undefined): boolean {
  return side === 'iam' && learner.ledger.iamMayHoldUnknown && status === 200 && /^text\/html\b/i.test(type ?? '')
}

/** Takes note of the code in a form that a browser is to post to a client. */
export function learnFromForm(learner: Learner, side: Destination, page: string): void {
  for (const issued of issuedInForm(page)) learner.ledger.learn(side, issued)
}

/** Takes note of the tokens and device codes in a JSON answer, as far as its side's marks and keys do not tell them. */
export function learnFromJson(learner: Learner, endpoint: Endpoint, side: Destination, text: string): void {
  learner.keys?.see(side, text)
  if (!learner.ledger.isConcernedBy(side, text)) return
  for (const issued of issuedInJson(endpoint, text)) {
    // Unless IAM has a device page too, the monolith's knows the user codes of both.
    if (issued.type !== 'user_code' || learner.marksIamFlows) learner.ledger.learn(side, issued)
  }
}
