import type { Parameters, ParameterValue } from '../../authorization-server/index.ts'

const KNOWN = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'prompt',
  'max_age',
] as const

/**
 * The parameters that Doorkeeper's consent form sends back; `response_mode` is not among them (recording B006, B007).
 */
const REPEATED_BY_CONSENT: ReadonlySet<string> = new Set([
  'client_id',
  'redirect_uri',
  'response_type',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
])

/** Real requests have less than 2 KiB; anyone can have one stored. */
const LIMIT = 16 << 10

/**
 * The parameters of an authorization request that the server uses, serialised for storage; others, such as a secret,
 * are dropped. Undefined when they exceed 16 KiB.
 */
export function packParameters(parameters: Parameters): string | undefined {
  const kept: Record<string, ParameterValue> = {}
  for (const name of KNOWN) {
    const value = parameters[name]
    if (value !== undefined) kept[name] = value
  }
  const text = JSON.stringify(kept)
  return Buffer.byteLength(text) > LIMIT ? undefined : text
}

/** The inverse of {@link packParameters}. */
export function unpackParameters(text: string): Parameters {
  return JSON.parse(text) as Parameters
}

/** The parameters that a consent form would send back, which the user consents to. */
export function consentParameters(parameters: Parameters): Parameters {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => REPEATED_BY_CONSENT.has(name)))
}

/** Whether `prompt` is `none` and nothing else (OpenID Connect Core §3.1.2.1). */
export function isPromptNone(parameters: Parameters): boolean {
  const values = new Set(promptsOf(parameters))
  return values.size === 1 && values.has('none')
}

/** The request after the user has signed in for it: without `max_age`, `prompt=login` and `prompt=select_account`. */
export function afterSignIn(parameters: Parameters): Parameters {
  const { max_age: _met, prompt: _asked, ...rest } = parameters
  const left = promptsOf(parameters).filter((prompt) => prompt !== 'login' && prompt !== 'select_account')
  return left.length === 0 ? rest : { ...rest, prompt: left.join(' ') }
}

/** A string parameter; empty when absent or not a string. */
export function plainText(value: ParameterValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** The client_id that a request specifies, for the log and the sign-in page; not verified. */
export function namedClient(parameters: Parameters): string {
  return plainText(parameters['client_id']).replaceAll('\u0000', '').slice(0, 255)
}

function promptsOf(parameters: Parameters): string[] {
  return plainText(parameters['prompt'])
    .split(/ +/)
    .filter((prompt) => prompt !== '')
}
