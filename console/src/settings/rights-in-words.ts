import type { MeDocument, Verb } from '../api/documents.ts'

/** What each right allows, as it completes "You may …". */
const WORDS: Readonly<Record<Verb, string>> = {
  brake: 'switch the brake',
  'flags.write': 'change flags and move applications',
  'flags.restore': 'restore flags',
  'rollouts.create': 'create rollouts',
  'rollouts.act': 'steer rollouts',
  'checklist.tick': 'tick the checklist',
  'probes.run': 'run probes',
  'drills.run': 'run drills',
  'problems.report': 'report problems',
  'credentials.revoke': 'revoke credentials of iam',
  'tokens.write': 'create and revoke tokens',
  'side_effects.retry': 'retry failed side effects',
  'side_effects.drop': 'drop failed side effects',
}

/** The rights of a caller in one environment, split into those that it has and those that it lacks. */
export function splitRights({ may }: MeDocument['environments'][number]): {
  readonly allowed: readonly string[]
  readonly denied: readonly string[]
} {
  const has = (verb: string) => may.some((one) => one === verb)
  const entries = Object.entries(WORDS)
  return {
    allowed: entries.filter(([verb]) => has(verb)).map(([, words]) => words),
    denied: entries.filter(([verb]) => !has(verb)).map(([, words]) => words),
  }
}

/** Words as one list: `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[]): string {
  if (words.length <= 1) return words[0] ?? ''
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`
}
