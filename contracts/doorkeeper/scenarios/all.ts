import type { ScenarioSet } from '../scenario.ts'
import { authorizePrompt } from './authorize-prompt.ts'
import { authorizeRequest } from './authorize-request.ts'
import { clientCredentials } from './client-credentials.ts'
import { codeExchange } from './code-exchange.ts'
import { codeExchangePkce } from './code-exchange-pkce.ts'
import { consent } from './consent.ts'
import { device } from './device.ts'
import { discovery } from './discovery.ts'
import { introspection } from './introspection.ts'
import { passwordGrant } from './password-grant.ts'
import { refreshGrant } from './refresh.ts'
import { revocation } from './revocation.ts'
import { tokenInfo } from './token-info.ts'
import { tokenRequestShape } from './token-request-shape.ts'
import { wholeFlows } from './whole-flows.ts'

/** Every set, in the order of the recording. */
export const ALL_SETS: readonly ScenarioSet[] = [
  authorizeRequest,
  authorizePrompt,
  consent,
  codeExchange,
  codeExchangePkce,
  tokenRequestShape,
  passwordGrant,
  clientCredentials,
  refreshGrant,
  revocation,
  introspection,
  tokenInfo,
  discovery,
  device,
  wholeFlows,
]
