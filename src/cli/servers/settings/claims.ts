import { type Claim, DEFAULT_CLAIMS } from '../../../authorization-server/index.ts'
import { ConfigError } from '../../../config/index.ts'
import { RECORDED_CLAIMS } from './recorded-platform.ts'

/** The options that select the returned claims. */
export interface ClaimOptions {
  readonly claim: readonly string[]
  readonly id_token_claim: readonly string[]
  readonly test_controls: boolean
}

/**
 * The claims that an authorization server of this section returns. With test controls, the default is the claims of the
 * recorded platform. Throws {@link ConfigError} for a claim given twice, and for one that only ID tokens would contain.
 */
export function shownClaimsOf(section: string, options: ClaimOptions): readonly Claim[] {
  const fallback = options.test_controls ? RECORDED_CLAIMS : DEFAULT_CLAIMS
  const { claim: named, id_token_claim: inIdToken } = options
  const claims = named.length === 0 ? fallback : named.map(parseClaim)
  const names = claims.map(({ name }) => name)
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  const unknown = inIdToken.filter((name) => !names.includes(name))
  const faults = [
    ...twice.map((name) => `${section}.claim (--claim): ${name} is named twice`),
    ...unknown.map((name) => `${section}.id_token_claim (--id-token-claim): ${name} is not among the claims shown`),
  ]
  if (faults.length > 0) throw new ConfigError(faults)
  if (named.length === 0 && inIdToken.length === 0) return fallback
  return claims.map((claim) => ({ ...claim, inIdToken: inIdToken.includes(claim.name) }))
}

function parseClaim(text: string): Claim {
  const [name = '', scope] = text.split('=')
  return { name, scope, inIdToken: false }
}
