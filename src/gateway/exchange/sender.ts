import type { Reason } from '../../routing/index.ts'
import type { DecisionSource } from '../decision-source/source.ts'
import type { Sender } from '../upstream/circuit/breaker.ts'

/** Identifies the application and the network that sent a request, if the decision source knows them. */
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
  // A routing endpoint identifies an application only by its client id.
  if (request.reason === 'flag_enabled') return { application: clientId, network }
  const known = source.knownAs(clientId)
  return { application: typeof known === 'number' ? known : undefined, network }
}
