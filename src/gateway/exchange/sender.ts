import type { Reason } from '../../routing/index.ts'
import type { DecisionSource } from '../decision-source/source.ts'
import type { Sender } from '../upstream/circuit/breaker.ts'

/** Whose request it was, as far as it is known. */
export function senderOf(
  source: Pick<DecisionSource, 'knownAs'>,
  request: {
    readonly applicationId: number | undefined
    readonly clientId: string | undefined
    readonly reason: Reason
    readonly network: string
  },
): Sender {
  const { applicationId, clientId, network } = request
  if (applicationId !== undefined || clientId === undefined) return { application: applicationId, network }
  // Where a routing endpoint decides, an application is known by its client id alone.
  if (request.reason === 'flag_enabled') return { application: clientId, network }
  const known = source.knownAs(clientId)
  return { application: typeof known === 'number' ? known : undefined, network }
}
