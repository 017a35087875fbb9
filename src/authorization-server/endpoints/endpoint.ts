import type { HttpRequest } from '../../http/index.ts'
import type { Core } from '../core/core.ts'
import type { Caller } from '../limits/request-limits.ts'
import type { Parameters } from '../parameters/value.ts'
import type { OAuthReply } from '../responses/replies.ts'

/** A request with parsed parameters. */
export interface EndpointRequest {
  readonly http: HttpRequest
  readonly parameters: Parameters
  readonly caller: Caller
}

/** Handles one endpoint. The answer to a wrong credential names its error. */
export type Endpoint = (core: Core, request: EndpointRequest) => Promise<OAuthReply>
