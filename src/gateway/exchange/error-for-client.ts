import type { Endpoint } from '../../routing/index.ts'
import { withCors } from '../responses/cors.ts'
import { errorResponse, type GatewayError, type LocalResponse, oauthErrorOf } from '../responses/local-responses.ts'
import type { ExchangeState } from './exchange-state.ts'

/** Builds the gateway's own response for an error, readable for the pages that can read the servers' responses. */
export function errorForClient(state: ExchangeState, error: GatewayError): LocalResponse {
  const { endpoint, method, matched, transport } = state
  const { headers } = transport
  const request = { endpoint, isSuffixed: matched?.isSuffixed ?? false, method, headers }
  return withCors(request, errorResponse(error, endpoint, headers.accept))
}

/** The OAuth error that the record shows for an error; outside the OAuth endpoints only if the client caused it. */
export function oauthErrorIn(error: GatewayError, endpoint: Endpoint): string | undefined {
  const code = oauthErrorOf(error)
  return endpoint !== 'other' || code === 'invalid_request' ? code : undefined
}
