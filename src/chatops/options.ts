import { ENVIRONMENTS, isEnvironment, suggestName } from '../flags/index.ts'
import { ACTIONS_OF_CHAT, type Topic } from './command.ts'
import type { Word } from './words.ts'

/** Whether an option takes no value, a value, or (`--actors`, `--confirm`) an optional value after `=`. */
interface OptionSpec {
  readonly takes: 'nothing' | 'value' | 'perhaps'
  readonly topics: readonly Topic[]
}

const SET: readonly Topic[] = ['feature set']
const CHANGES: readonly Topic[] = ['feature set', 'feature delete']
const ENVIRONMENT_WISE: readonly Topic[] = [
  ...(['feature get', 'feature set', 'feature list', 'feature delete'] as const),
  ...(['rollout list', 'report-problem'] as const),
]
const REASONED: readonly Topic[] = [
  ...CHANGES,
  ...ACTIONS_OF_CHAT.map((action) => `rollout ${action}` as const),
  'report-problem',
]

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--match': { takes: 'value', topics: ['feature list'] },
  '--actors': { takes: 'perhaps', topics: SET },
  '--random': { takes: 'nothing', topics: SET },
  '--oauth-application': { takes: 'value', topics: [...SET, 'report-problem'] },
  '--feature-group': { takes: 'value', topics: SET },
  '--ignore-random-deprecation-check': { takes: 'nothing', topics: SET },
  '--ignore-production-check': { takes: 'nothing', topics: [...CHANGES, 'feature approve'] },
  '--ignore-feature-flag-consistency-check': { takes: 'nothing', topics: [...CHANGES, 'feature approve'] },
  '--ignore-step-limit': { takes: 'nothing', topics: [...SET, 'feature approve'] },
  '--reason': { takes: 'value', topics: REASONED },
  '--change-issue': { takes: 'value', topics: CHANGES },
  '--dry-run': { takes: 'nothing', topics: CHANGES },
  '--confirm': { takes: 'perhaps', topics: CHANGES },
  '--environment': { takes: 'value', topics: ENVIRONMENT_WISE },
  ...Object.fromEntries(
    ENVIRONMENTS.map((name): [string, OptionSpec] => [`--${name}`, { takes: 'nothing', topics: ENVIRONMENT_WISE }]),
  ),
}

const ACTOR_RULE =
  'flags here apply to OAuth applications: specify one with --oauth-application=<id|client_id>, or a percentage of them with --actors'

/** Options of GitLab's chatops that do not exist here, with the alternative. */
const FOREIGN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['--project', '--group', '--namespace', '--user', '--repository', '--organization', '--runner'].map((name) => [
      name,
      ACTOR_RULE,
    ]),
  ),
  '--ops': `there is no environment ops; the environments are ${ENVIRONMENTS.join(', ')}`,
}

/** The options and words of a command. */
export interface Arguments {
  readonly words: readonly string[]
  readonly switches: ReadonlySet<string>
  readonly values: ReadonlyMap<string, readonly string[]>
}

/** Options that may be given more than once; all others may not. */
const REPEATED = ['--environment']

/** Splits the words after a command into options and others; an error names the option and suggests a fix. */
export function readArguments(topic: Topic, given: readonly Word[]): Arguments | { readonly fault: string } {
  const words: string[] = []
  const switches = new Set<string>()
  const values = new Map<string, string[]>()
  for (let at = 0; at < given.length; at++) {
    const word = given[at]
    if (word === undefined) break
    if (word.isQuoted || !/^--?[a-z]/i.test(word.text)) {
      words.push(word.text)
      continue
    }
    const equals = word.text.indexOf('=')
    const name = equals < 0 ? word.text : word.text.slice(0, equals)
    const inline = equals < 0 ? undefined : word.text.slice(equals + 1)
    const option = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined
    if (!option?.topics.includes(topic)) return { fault: faultOfOption(topic, name) }
    if (switches.has(name) || (values.has(name) && !REPEATED.includes(name))) return { fault: `${name} is given twice` }
    if (option.takes === 'nothing') {
      if (inline !== undefined) return { fault: `${name} takes no value` }
      switches.add(name)
      continue
    }
    if (option.takes === 'perhaps' && inline === undefined) {
      switches.add(name)
      continue
    }
    const next = given[at + 1]
    const isNextAValue = next !== undefined && (next.isQuoted || !next.text.startsWith('--'))
    const value = inline ?? (isNextAValue ? next.text : undefined)
    if (value === undefined || value === '') return { fault: `${name} needs a value` }
    if (inline === undefined) at++
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return { words, switches, values }
}

/** The specified environments, unordered; an error for one that does not exist. */
export function namedEnvironments({ switches, values }: Arguments): ReadonlySet<string> | { readonly fault: string } {
  const named = new Set((values.get('--environment') ?? []).flatMap((text) => text.split(',')))
  for (const name of ENVIRONMENTS) if (switches.has(`--${name}`)) named.add(name)
  for (const name of named) {
    if (isEnvironment(name)) continue
    const guess = suggestName(name, ENVIRONMENTS)
    const meant = guess ? `, did you mean ${guess}?` : ` (the environments are ${ENVIRONMENTS.join(', ')})`
    return { fault: `environment ${JSON.stringify(name.slice(0, 60))} is unknown${meant}` }
  }
  return named
}

function faultOfOption(topic: Topic, typed: string): string {
  const name = typed.slice(0, 60)
  const instead = Object.hasOwn(FOREIGN, name) ? FOREIGN[name] : undefined
  if (instead !== undefined) return `${name} is not supported: ${instead}`
  if (Object.hasOwn(OPTIONS, name)) {
    const topics = (OPTIONS[name]?.topics ?? []).map((each) => `'${each}'`)
    return `${name} is not valid with '${topic}', only with ${topics.join(' and ')}`
  }
  const known = [...Object.keys(OPTIONS).filter((each) => OPTIONS[each]?.topics.includes(topic)), '--help']
  const guess = suggestName(name, known)
  return `unknown option ${name}${guess ? `, did you mean ${guess}?` : ''}`
}
