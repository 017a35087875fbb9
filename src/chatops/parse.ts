import { DEFAULT_ENVIRONMENT, type Environment, suggestName } from '../flags/index.ts'
import {
  type ChangeTerms,
  type Command,
  type MergeRequestAddress,
  type Override,
  type Parsed,
  RUN_ORDER,
  TOPICS,
  type Topic,
} from './command.ts'
import { readSetting } from './feature-set.ts'
import { type Arguments, namedEnvironments, readArguments } from './options.ts'
import { readProblem, readRolloutAction, readRolloutList, readRolloutShow } from './rollout-commands.ts'
import { splitWords, type Word } from './words.ts'

/** What the parser needs in addition to the text of a command. */
export interface Grammar {
  /** Whether requests are routed by a flag. */
  readonly isRoutingFlag: (flag: string) => boolean
}

/**
 * Reads a command as it is typed in the rollout checklist: with or without a leading `/chatops`, `gitlab` and `run`,
 * and with the quotes, dashes and links that Slack or a phone has altered. Pure: it looks nothing up.
 */
export function parseCommand(text: string, grammar: Grammar): Parsed {
  const split = splitWords(text)
  if ('fault' in split) return { fault: split.fault, topic: undefined }
  const words = withoutPrefix(split.words)
  const [first, second] = words
  const isHelp = words.some(isHelpOption)
  if (first === undefined || isHelpOption(first) || (first.text === 'help' && words.length === 1)) {
    return { command: { kind: 'help', topic: undefined } }
  }
  const topic = TOPICS.find((name) => name === first.text || name === `${first.text} ${second?.text ?? ''}`)
  if (topic === undefined) {
    const isFamily = TOPICS.some((name) => name.startsWith(`${first.text} `))
    if (isHelp && isFamily) return { command: { kind: 'help', topic: undefined } }
    return { fault: faultOfCommand(first.text, second?.text), topic: undefined }
  }
  if (isHelp) return { command: { kind: 'help', topic } }
  const given = readArguments(topic, words.slice(topic.split(' ').length))
  if ('fault' in given) return { fault: given.fault, topic }
  const fault = faultOfTerms(given)
  if (fault !== undefined) return { fault, topic }
  const command = READERS[topic](given, grammar)
  return 'fault' in command ? { fault: command.fault, topic } : { command }
}

type Read = Command | { readonly fault: string }

const READERS: Readonly<Record<Topic, (given: Arguments, grammar: Grammar) => Read>> = {
  'feature get': (given) => onOneFlag(given, (flag, environments) => ({ kind: 'feature_get', flag, environments })),
  'feature set': readFeatureSet,
  'feature list': readFeatureList,
  'feature delete': (given) =>
    onOneFlag(given, (flag, environments) => ({ kind: 'feature_delete', flag, ...termsOf(given, environments) })),
  'feature approve': readApproval,
  'feature proposals': (given) =>
    given.words.length > 0 ? { fault: "'feature proposals' takes no arguments" } : { kind: 'feature_proposals' },
  'auto_deploy status': readStatus,
  'release check': readReleaseCheck,
  'rollout list': (given) =>
    inEnvironments(given, (list, isNamed) => readRolloutList(given, isNamed ? list : undefined)),
  'rollout show': readRolloutShow,
  'rollout pause': readRolloutAction('pause'),
  'rollout resume': readRolloutAction('resume'),
  'rollout approve': readRolloutAction('approve'),
  'rollout abort': readRolloutAction('abort'),
  'report-problem': (given) => inEnvironments(given, (list) => readProblem(given, list)),
}

function withoutPrefix(words: readonly Word[]): readonly Word[] {
  let at = 0
  for (const prefix of ['/chatops', 'gitlab', 'run']) if (words[at]?.text === prefix) at++
  return words.slice(at)
}

function isHelpOption({ text, isQuoted }: Word): boolean {
  return !isQuoted && (text === '--help' || text === '-h')
}

function faultOfCommand(first: string, second: string | undefined): string {
  const typed = second === undefined || second.startsWith('-') ? first : `${first} ${second}`
  const guess = suggestName(typed, TOPICS)
  const shown = JSON.stringify(typed.slice(0, 60))
  return guess
    ? `${shown} is not a command, did you mean '${guess}'?`
    : `${shown} is not a command; the commands are ${TOPICS.join(', ')}`
}

function readFeatureSet(given: Arguments, grammar: Grammar): Read {
  const environments = environmentsOf(given)
  if ('fault' in environments) return environments
  const setting = readSetting(given, grammar.isRoutingFlag)
  if ('fault' in setting) return setting
  const nameFault = faultOfName(setting.flag)
  if (nameFault !== undefined) return { fault: nameFault }
  return { kind: 'feature_set', ...setting, ...termsOf(given, environments.list) }
}

function readFeatureList(given: Arguments): Read {
  const environments = environmentsOf(given)
  if ('fault' in environments) return environments
  if (given.words.length > 0) return { fault: "'feature list' takes no flag; use --match <text> to filter" }
  return { kind: 'feature_list', match: given.values.get('--match')?.[0] ?? '', environments: environments.list }
}

function readApproval(given: Arguments): Read {
  const [id, ...more] = given.words
  if (id === undefined || more.length > 0 || !/^[1-9]\d{0,8}$/.test(id)) {
    return { fault: "specify one proposal by its number; 'feature proposals' lists the open ones" }
  }
  return { kind: 'feature_approve', proposal: Number(id), overrides: overridesOf(given) }
}

function readStatus(given: Arguments): Read {
  const wrong = given.words.find((sha) => !/^[0-9a-f]{7,64}$/i.test(sha))
  if (wrong !== undefined) {
    return { fault: `${JSON.stringify(wrong.slice(0, 60))} is not a commit: specify 7 to 64 hexadecimal digits` }
  }
  if (given.words.length > 10) return { fault: 'specify at most 10 commits' }
  return { kind: 'auto_deploy_status', shas: given.words.map((sha) => sha.toLowerCase()) }
}

function readReleaseCheck(given: Arguments): Read {
  const [url, version, ...more] = given.words
  if (url === undefined || more.length > 0)
    return { fault: 'specify one merge request by its URL, and at most one version' }
  const mergeRequest = mergeRequestOf(url)
  if (mergeRequest === undefined) {
    return {
      fault: `${JSON.stringify(url.slice(0, 100))} is not a merge request: specify its URL, such as https://gitlab.com/group/project/-/merge_requests/1`,
    }
  }
  const milestone = version?.replace(/^["%v]/i, '')
  if (milestone !== undefined && !/^\d{1,4}\.\d{1,4}(\.\d{1,4})?$/.test(milestone)) {
    return { fault: `${JSON.stringify(version?.slice(0, 40))} is not a version: specify one such as 19.1` }
  }
  return { kind: 'release_check', mergeRequest, version: milestone }
}

function mergeRequestOf(text: string): MergeRequestAddress | undefined {
  const found =
    /^(https?:\/\/[^/\s]+)\/([\w.-]+(?:\/[\w.-]+)+?)\/(?:-\/)?merge_requests\/([1-9]\d{0,9})(?:[/?#].*)?$/.exec(text)
  if (!found) return undefined
  const [, origin, project, iid] = found
  return { url: `${origin}/${project}/-/merge_requests/${iid}`, project: project ?? '', iid: Number(iid) }
}

function onOneFlag(given: Arguments, make: (flag: string, environments: readonly Environment[]) => Command): Read {
  const environments = environmentsOf(given)
  if ('fault' in environments) return environments
  const [flag, ...more] = given.words
  if (flag === undefined || flag === '' || more.length > 0) return { fault: 'specify one flag' }
  const fault = faultOfName(flag)
  return fault === undefined ? make(flag, environments.list) : { fault }
}

const COUNT = /^(0|[1-9]\d{0,14})$/

function faultOfTerms({ values }: Arguments): string | undefined {
  const issue = values.get('--change-issue')?.[0]
  const isUrl = issue !== undefined && /^https?:\/\/\S+$/.test(issue) && issue.length <= 500 && URL.canParse(issue)
  if (issue !== undefined && !isUrl) return '--change-issue must be the URL of an issue'
  const confirm = values.get('--confirm')?.[0]
  if (confirm !== undefined && !COUNT.test(confirm)) {
    return '--confirm takes the number of applications that move, or no value'
  }
  const reason = values.get('--reason')?.[0] ?? ''
  return reason.length > 500 ? '--reason may have at most 500 characters' : undefined
}

function faultOfName(flag: string): string | undefined {
  if (/^[a-z0-9_]{1,255}$/.test(flag)) return undefined
  return `${JSON.stringify(flag.slice(0, 60))} is not a valid flag name: use lower-case letters, digits and underscores`
}

function environmentsOf(given: Arguments): { readonly list: readonly Environment[] } | { readonly fault: string } {
  const named = namedEnvironments(given)
  if ('fault' in named) return named
  return { list: named.size === 0 ? [DEFAULT_ENVIRONMENT] : RUN_ORDER.filter((name) => named.has(name)) }
}

function inEnvironments(given: Arguments, read: (list: readonly Environment[], isNamed: boolean) => Read): Read {
  const named = namedEnvironments(given)
  const environments = environmentsOf(given)
  return 'fault' in environments || 'fault' in named ? (environments as Read) : read(environments.list, named.size > 0)
}

function termsOf(given: Arguments, environments: readonly Environment[]): ChangeTerms {
  return {
    environments,
    isDryRun: given.switches.has('--dry-run'),
    confirm: given.values.has('--confirm')
      ? Number(given.values.get('--confirm')?.[0])
      : given.switches.has('--confirm') || undefined,
    reason: given.values.get('--reason')?.[0],
    changeIssue: given.values.get('--change-issue')?.[0],
    overrides: overridesOf(given),
  }
}

function overridesOf({ switches }: Arguments): readonly Override[] {
  const overrides: Override[] = []
  if (switches.has('--ignore-production-check')) overrides.push('production_check')
  if (switches.has('--ignore-feature-flag-consistency-check')) overrides.push('consistency_check')
  if (switches.has('--ignore-step-limit')) overrides.push('step_limit')
  return overrides
}
