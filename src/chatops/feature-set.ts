import { applicationIdOf, PERCENTAGE_RULE, parsePercentage } from '../flags/index.ts'
import type { Arguments } from './options.ts'

/** The change, as parameters of GitLab's feature API. */
export type Setting =
  | { readonly flag: string; readonly value: string; readonly parameters: Readonly<Record<string, string>> }
  | { readonly fault: string }

const OPT_OUTS = ['opt_out', 'remove_opt_out']
const TARGETS = ['--oauth-application', '--feature-group']

/**
 * Reads `feature set`. Refuses ambiguous input with the rule it breaks, so that no command turns on more than it names:
 * `--actors=<actor>` means only that actor, and `--actors` requires a percentage.
 *
 * @param isRoutingFlag whether requests are routed by a flag, which rules out a percentage of time
 */
export function readSetting(given: Arguments, isRoutingFlag: (flag: string) => boolean): Setting {
  const [flag, value, ...more] = given.words
  const fault = (text: string) => ({ fault: text })
  if (flag === undefined || value === undefined || flag === '' || value === '') {
    return fault('specify one flag and one value: true, false or a percentage')
  }
  if (more.length > 0) return fault(tooManyWords([flag, value, ...more]))
  const isWord = value === 'true' || value === 'false' || OPT_OUTS.includes(value)
  if (!isWord && parsePercentage(value) === undefined) return fault(faultOfValue(value))
  const targets = readTargets(given, value)
  if ('fault' in targets) return targets
  const isShare = !isWord
  const byActors = given.switches.has('--actors')
  const byTime = given.switches.has('--random')
  if (isShare && !byActors && !byTime) {
    return Object.keys(targets.parameters).length > 0
      ? fault(`${targets.named.join(', ')} and the percentage ${value} exclude each other: ${ONE_OR_SHARE}`)
      : fault(
          `the percentage ${value} needs --actors, because it is a percentage of applications; for all or none, use true or false`,
        )
  }
  if (byActors && byTime) return fault('--actors and --random exclude each other')
  if (byActors && isWord) return fault(`--actors without a value requires a percentage, not ${value}: ${ONE_OR_SHARE}`)
  if (byTime && isWord) return fault(`--random requires a percentage, not ${value}`)
  if ((byActors || byTime) && targets.named.length > 0) {
    return fault(`${byActors ? '--actors' : '--random'} and ${targets.named.join(', ')} exclude each other`)
  }
  const ignoresDeprecation = given.switches.has('--ignore-random-deprecation-check')
  if ((byTime || ignoresDeprecation) && isRoutingFlag(flag)) {
    const name = byTime ? '--random' : '--ignore-random-deprecation-check'
    return fault(
      `${name} is not allowed for ${flag}: it would send the requests of one flow to either side at random. Use --actors`,
    )
  }
  if (ignoresDeprecation && !byTime) return fault('--ignore-random-deprecation-check is only valid with --random')
  if (byTime && !ignoresDeprecation) {
    return fault('--random is deprecated; use --actors, or add --ignore-random-deprecation-check')
  }
  const key = byActors ? { key: 'percentage_of_actors' } : byTime ? { key: 'percentage_of_time' } : {}
  return { flag, value, parameters: { value, ...key, ...targets.parameters } }
}

const ONE_OR_SHARE =
  '--actors=Authn::OauthApplication:<id> (or --oauth-application=<id|client_id>) with true or false sets the flag for that application only; --actors with a percentage sets it for a share of all applications'

function faultOfValue(value: string): string {
  const shown = JSON.stringify(value.slice(0, 40))
  if (/^\d+(\.\d+)?\s*%$/.test(value)) return `write ${value.replace(/\s*%$/, '')} --actors, without the % sign`
  if (/^(on|yes|enable|enabled)$/i.test(value) || value.toLowerCase() === 'true')
    return `${shown} is not a value; write true`
  if (/^(off|no|disable|disabled)$/i.test(value) || value.toLowerCase() === 'false')
    return `${shown} is not a value; write false`
  return `${shown} is not a value: use true, false or a percentage; ${PERCENTAGE_RULE}`
}

function tooManyWords(words: readonly string[]): string {
  const actor = words.find((word) => applicationIdOf(word) !== undefined)
  if (actor !== undefined) return `write --actors=${actor}, without a space: an actor is the value of that option`
  return `specify one flag and one value, not ${words
    .slice(0, 4)
    .map((word) => JSON.stringify(word.slice(0, 60)))
    .join(', ')}`
}

type Targets =
  | { readonly parameters: Readonly<Record<string, string>>; readonly named: readonly string[] }
  | { readonly fault: string }

function readTargets(given: Arguments, value: string): Targets {
  const actors = given.values.get('--actors')?.[0]
  const named = [...(actors === undefined ? [] : ['--actors=…']), ...TARGETS.filter((name) => given.values.has(name))]
  if (given.values.has('--oauth-application') && actors !== undefined) {
    return { fault: '--actors=… and --oauth-application both specify applications; use one of them' }
  }
  if (actors !== undefined) {
    const fault = faultOfActors(actors)
    if (fault !== undefined) return { fault }
  }
  const applications = actors ?? given.values.get('--oauth-application')?.[0]
  const groups = given.values.get('--feature-group')?.[0]
  for (const list of [applications, groups]) {
    if (list?.split(',').some((name) => name.trim() === ''))
      return { fault: `${named[0]} has an empty name in its list` }
  }
  if (OPT_OUTS.includes(value) && applications === undefined) {
    return { fault: `${value} needs --oauth-application=<id|client_id>` }
  }
  if (OPT_OUTS.includes(value) && groups !== undefined) return { fault: `${value} does not apply to feature groups` }
  return {
    named,
    parameters: {
      ...(applications === undefined ? {} : { oauth_application: applications }),
      ...(groups === undefined ? {} : { feature_group: groups }),
    },
  }
}

function faultOfActors(actors: string): string | undefined {
  for (const actor of actors.split(',')) {
    if (applicationIdOf(actor) !== undefined) continue
    const shown = JSON.stringify(actor.slice(0, 60))
    if (/^[1-9]\d*$/.test(actor)) {
      return `--actors=${actor.slice(0, 20)} is ambiguous: it could be a percentage or an application. Write --oauth-application=${actor.slice(0, 20)}, or a percentage and --actors`
    }
    if (/^[A-Z]\w*(::\w+)*:\d+$/.test(actor)) {
      return `${shown} is not a supported actor: flags here apply only to Authn::OauthApplication:<id>`
    }
    return `--actors=… takes actors such as Authn::OauthApplication:42, not ${shown}; you can also specify an application with --oauth-application=<id|client_id>`
  }
  return undefined
}
