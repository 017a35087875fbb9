import type { Destination, Endpoint } from '../../routing/index.ts'
import type { Gate } from '../gateway-context.ts'
import { issuedInForm, issuedInJson, issuedInLocation } from './issued.ts'

/** Takes note of the code that a redirect hands to a client. */
export function learnFromRedirect(gate: Gate, side: Destination, location: string): void {
  for (const issued of issuedInLocation(location)) gate.ledger.learn(side, issued)
}

/** Whether an answer may be a form that hands a code over (OAuth 2.0 Form Post Response Mode), of a side that marks none. */
export function mayHoldForm(gate: Gate, side: Destination, status: number, type: string | undefined): boolean {
  return side === 'iam' && gate.ledger.iamMayHoldUnknown && status === 200 && /^text\/html\b/i.test(type ?? '')
}

/** Takes note of the code in a form that a browser is to post to a client. */
export function learnFromForm(gate: Gate, side: Destination, page: string): void {
  for (const issued of issuedInForm(page)) gate.ledger.learn(side, issued)
}

/** Takes note of the tokens and device codes in a JSON answer, as far as its side's marks and keys do not tell them. */
export function learnFromJson(gate: Gate, endpoint: Endpoint, side: Destination, text: string): void {
  gate.keys?.see(side, text)
  if (!gate.ledger.isConcernedBy(side, text)) return
  for (const issued of issuedInJson(endpoint, text)) {
    // Unless IAM has a device page too, the monolith's knows the user codes of both.
    if (issued.type !== 'user_code' || gate.marksIamFlows) gate.ledger.learn(side, issued)
  }
}
