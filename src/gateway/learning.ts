import type { Destination, Endpoint } from '../routing/index.ts'
import type { Gate } from './gate.ts'
import { issuedInJson, issuedInLocation } from './ledger/issued.ts'

/** Takes note of the code that a redirect hands to a client. */
export function learnFromRedirect(gate: Gate, endpoint: Endpoint, side: Destination, location: string): void {
  if (endpoint !== 'authorize' && endpoint !== 'authorize_native') return
  for (const issued of issuedInLocation(location)) gate.ledger.learn(side, issued)
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
