import type { DoorkeeperCompatibility } from '../model/compatibility.ts'
import type { ResourceOwner } from '../model/resource-owner.ts'
import { encodeFormComponent } from '../parameters/encode.ts'
import type { Parameters, ParameterValue } from '../parameters/value.ts'
import { scalarOf } from '../parameters/value.ts'

/** What the OpenID Connect parameters of a request require. */
export type PromptOutcome =
  | { readonly kind: 'proceed' }
  | { readonly kind: 'consent' }
  | { readonly kind: 'error'; readonly error: 'login_required' | 'consent_required' | 'invalid_request' }
  | { readonly kind: 'reauthenticate' | 'select_account'; readonly returnQuery: string }

/** The state that a request is evaluated against. */
export interface PromptContext {
  /** Seconds since the epoch. */
  readonly now: number
  readonly compatibility: Pick<DoorkeeperCompatibility, 'zeroMaxAgeCounts' | 'createPromptKnown'>
}

const PROMPTS: ReadonlySet<string> = new Set(['none', 'login', 'consent', 'select_account'])

/**
 * Evaluates prompt and max_age, which only apply with the openid scope (OpenID Connect Core §3.1.2.1). `none` must be
 * the only prompt; account selection and sign-in come before consent (unlike A151).
 *
 * @param owner undefined when no user is signed in
 */
export function promptOutcome(
  parameters: Parameters,
  owner: ResourceOwner | undefined,
  isConsentGiven: boolean,
  { now, compatibility }: PromptContext,
): PromptOutcome {
  const prompts = promptsOf(parameters)
  const isKnown = (prompt: string) => PROMPTS.has(prompt) || (prompt === 'create' && compatibility.createPromptKnown)
  if (!prompts.every(isKnown)) return { kind: 'error', error: 'invalid_request' }
  const isStale = owner !== undefined && now - owner.authTime > greatestAge(parameters, compatibility)
  if (prompts.includes('none')) {
    if (prompts.length > 1) return { kind: 'error', error: 'invalid_request' }
    if (owner === undefined || isStale) return { kind: 'error', error: 'login_required' }
    return isConsentGiven ? { kind: 'proceed' } : { kind: 'error', error: 'consent_required' }
  }
  if (prompts.includes('select_account'))
    return { kind: 'select_account', returnQuery: without(parameters, 'select_account') }
  if (owner === undefined) return { kind: 'proceed' }
  if (prompts.includes('login') || isStale) return { kind: 'reauthenticate', returnQuery: without(parameters, 'login') }
  return { kind: prompts.includes('consent') ? 'consent' : 'proceed' }
}

/** Whether a request contains a prompt, known or unknown. */
export function hasPrompt(parameters: Parameters): boolean {
  return promptsOf(parameters).length > 0
}

function promptsOf(parameters: Parameters): string[] {
  const value = parameters['prompt']
  // A list or hash is not a known prompt.
  if (typeof value === 'object' && value !== null) return ['']
  const prompt = scalarOf(parameters, 'prompt') ?? ''
  if (/^ *$/.test(prompt)) return []
  // Trailing spaces are removed after the split: a regular expression would rescan each run of spaces once per space.
  const prompts = prompt.split(/ +/)
  if (prompts.at(-1) === '') prompts.pop()
  return [...new Set(prompts)]
}

/** The maximum age of the sign-in in seconds, with one second of tolerance for clock differences (A155). */
function greatestAge(parameters: Parameters, { zeroMaxAgeCounts }: PromptContext['compatibility']): number {
  const text = scalarOf(parameters, 'max_age') ?? ''
  if (text === '0' && zeroMaxAgeCounts) return 1
  const seconds = Number(/^\s*\+?(\d{1,15})/.exec(text)?.[1] ?? 0)
  return seconds > 0 ? seconds : Number.POSITIVE_INFINITY
}

/** The query to return with: names in order, without the prompt that was handled. */
function without(parameters: Parameters, prompt: string): string {
  const rest = (scalarOf(parameters, 'prompt') ?? '').replace(new RegExp(`\\b${prompt}\\b\\s*`), '').trim()
  const pairs: string[] = []
  for (const [name, value] of Object.entries(parameters)) {
    if (name !== 'prompt') collect(encodeFormComponent(name), value, pairs)
    else if (rest !== '') pairs.push(`prompt=${encodeFormComponent(rest)}`)
  }
  return pairs.sort().join('&')
}

function collect(name: string, value: ParameterValue | undefined, pairs: string[]): void {
  if (value === undefined) return
  if (value === null) pairs.push(`${name}=`)
  else if (Array.isArray(value)) for (const item of value) collect(`${name}%5B%5D`, item, pairs)
  else if (typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) collect(`${name}%5B${encodeFormComponent(key)}%5D`, item, pairs)
  } else pairs.push(`${name}=${encodeFormComponent(String(value))}`)
}
