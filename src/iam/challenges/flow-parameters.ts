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

/** What the consent form of Doorkeeper repeats; `response_mode` is not among it (recording B006, B007). */
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

/** Real requests have less than 2 KiB; anybody can have one kept. */
const LIMIT = 16 << 10

/**
 * The parameters of an authorization request that the server goes by, as text to be kept; others, a secret among
 * them, are not kept. Undefined when there is more than 16 KiB of them.
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

/** What the user's agreement is about: the parameters a consent form would have sent back. */
export function consentParameters(parameters: Parameters): Parameters {
  return Object.fromEntries(Object.entries(parameters).filter(([name]) => REPEATED_BY_CONSENT.has(name)))
}

/** Whether `prompt` is `none` and nothing else (OpenID Connect Core §3.1.2.1). */
export function isPromptNone(parameters: Parameters): boolean {
  const values = new Set(promptsOf(parameters))
  return values.size === 1 && values.has('none')
}

/** The request once the user has signed in for it: `max_age`, `prompt=login` and `prompt=select_account` are met. */
export function afterSignIn(parameters: Parameters): Parameters {
  const { max_age: _met, prompt: _asked, ...rest } = parameters
  const left = promptsOf(parameters).filter((prompt) => prompt !== 'login' && prompt !== 'select_account')
  return left.length === 0 ? rest : { ...rest, prompt: left.join(' ') }
}

/** A string parameter, or an empty text. */
export function plainText(value: ParameterValue | undefined): string {
  return typeof value === 'string' ? value : ''
}

/** The client a request names, for the log and the sign-in page; never trusted. */
export function namedClient(parameters: Parameters): string {
  return plainText(parameters['client_id']).replaceAll('\u0000', '').slice(0, 255)
}

function promptsOf(parameters: Parameters): string[] {
  return plainText(parameters['prompt'])
    .split(/ +/)
    .filter((prompt) => prompt !== '')
}
