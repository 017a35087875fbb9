import { type ApplicationPolicy, applicationPolicySchema, type Policy } from '../../applications/index.ts'
import { holdsReservedParameter, type Parameters, type ParameterValue } from '../../authorization-server/index.ts'
import { textIn } from '../text-parameters.ts'

/** The values of an application that its owner edits. */
export interface ApplicationDraft {
  readonly name: string
  readonly redirectUris: readonly string[]
  readonly scopes: readonly string[]
  readonly confidential: boolean
  /** The values chosen for the rules beyond Doorkeeper's, by rule; undefined when the form contained none. */
  readonly policy?: Readonly<Record<string, string | undefined>> | undefined
}

/** All faults of a draft, in words for its owner. */
export type DraftFaults = readonly string[]

const OUT_OF_BAND = 'urn:ietf:wg:oauth:2.0:oob'
const FORBIDDEN_SCHEMES = new Set(['data', 'vbscript', 'javascript'])
const MOST_ADDRESSES = 100
const LONGEST_ADDRESS = 2_048

/** Parses the form `application[…]`, with one address per line; scopes that are not `offered` are ignored. */
export function readDraft(parameters: Parameters, offered: readonly string[]): ApplicationDraft {
  const form = parameters['application']
  const chosen = textsIn(form, 'scopes')
  const policy = chosenPolicy(form)
  return {
    name: (textIn(form, 'name') ?? '').trim(),
    redirectUris: (textIn(form, 'redirect_uri') ?? '').split(/\s+/).filter((line) => line !== ''),
    scopes: offered.filter((scope) => chosen.includes(scope)),
    confidential: textIn(form, 'confidential') === '1',
    ...(policy && { policy }),
  }
}

/**
 * The policy of an application with this draft; undefined when the draft sets none. Throws when the draft was not
 * checked.
 */
export function policyOf(draft: ApplicationDraft): ApplicationPolicy | undefined {
  const policy = applicationPolicySchema.parse(draft.policy ?? {})
  return Object.keys(policy).length === 0 ? undefined : policy
}

/** Checks a draft; an empty list means that it is valid. */
export function checkDraft(draft: ApplicationDraft): DraftFaults {
  const faults: string[] = []
  if (draft.name === '') faults.push('Name is missing.')
  if (draft.name.length > 255 || /\p{Cc}/u.test(draft.name)) faults.push('Name must be at most 255 plain characters.')
  if (draft.redirectUris.length === 0) faults.push('At least one redirect URI is required.')
  if (draft.redirectUris.length > MOST_ADDRESSES) faults.push(`At most ${MOST_ADDRESSES} redirect URIs are allowed.`)
  for (const address of new Set(draft.redirectUris.slice(0, MOST_ADDRESSES))) {
    const fault = faultOfRedirectUri(address)
    if (fault !== undefined) faults.push(`${address.slice(0, 80)}: ${fault}.`)
  }
  if (!applicationPolicySchema.safeParse(draft.policy ?? {}).success) {
    faults.push('Security policy: unknown rule or value.')
  }
  return faults
}

/** The faults of a draft's addresses for an application under `policy`. */
export function checkAddresses(draft: ApplicationDraft, policy: Policy): DraftFaults {
  if (policy.reserved_in_redirect === 'accept') return []
  const reserved = draft.redirectUris.filter(holdsReservedParameter)
  return reserved.map(
    (address) => `${address.slice(0, 80)}: holds a parameter reserved for answers, such as code or state.`,
  )
}

/** Why an address is not a valid redirect URI (RFC 6749 §3.1.2); undefined when it is valid. */
export function faultOfRedirectUri(address: string): string | undefined {
  if (address === OUT_OF_BAND) return undefined
  if (address.length > LONGEST_ADDRESS) return `is longer than ${LONGEST_ADDRESS} characters`
  if (address.includes('#')) return 'must not have a fragment'
  if (!/^[\x21-\x7e]+$/.test(address)) return 'must be plain ASCII, percent-encoded where needed'
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(address)?.[1]?.toLowerCase()
  if (scheme === undefined) return 'must be an absolute address'
  if (FORBIDDEN_SCHEMES.has(scheme)) return `must not use the scheme ${scheme}`
  if (!/^[^:]+:\//.test(address)) return 'must be an absolute address such as https://app.example/callback'
  if (!URL.canParse(address)) return 'is not an address'
  return undefined
}

/** The fields `application[policy][…]` with a value. */
function chosenPolicy(form: ParameterValue | undefined): Readonly<Record<string, string>> | undefined {
  if (form === null || typeof form !== 'object' || Array.isArray(form)) return undefined
  const policy = (form as Parameters)['policy']
  if (policy === undefined) return undefined
  // A value of another shape is not from our form, and must not pass for an omitted one.
  if (policy === null || typeof policy !== 'object' || Array.isArray(policy)) return { policy: '?' }
  const chosen = Object.entries(policy).map(([rule, value]) => [rule, typeof value === 'string' ? value : '?'])
  return Object.fromEntries(chosen.filter(([, value]) => value !== ''))
}

function textsIn(form: ParameterValue | undefined, name: string): readonly string[] {
  if (form === null || typeof form !== 'object' || Array.isArray(form)) return []
  const value = (form as Parameters)[name]
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
