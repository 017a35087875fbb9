import { applicationIdOf, PERCENTAGE_RULE, parsePercentage } from '../flags/index.ts'
import type { Arguments } from './options.ts'

/** What is written, as parameters of GitLab's feature API. */
export type Setting =
  | { readonly flag: string; readonly value: string; readonly parameters: Readonly<Record<string, string>> }
  | { readonly fault: string }

const OPT_OUTS = ['opt_out', 'remove_opt_out']
const TARGETS = ['--oauth-application', '--feature-group']

/**
 * Reads `feature set`. Whatever could be read in two ways is refused with the rule it breaks, so that no command
 * switches on more than it names: `--actors=<actor>` is that actor alone, `--actors` is for a percentage alone.
 *
 * @param isRoutingFlag whether requests are routed by a flag: then a share of the time is no option
 */
export function readSetting(given: Arguments, isRoutingFlag: (flag: string) => boolean): Setting {
  const [flag, value, ...more] = given.words
  const fault = (text: string) => ({ fault: text })
  if (flag === undefined || value === undefined || flag === '' || value === '') {
    return fault('name one flag and one value: true, false or a percentage')
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
          `the percentage ${value} needs --actors: it is a share of applications. For all or for none write true or false`,
        )
  }
  if (byActors && byTime) return fault('--actors and --random exclude each other')
  if (byActors && isWord) return fault(`--actors alone goes with a percentage, not with ${value}: ${ONE_OR_SHARE}`)
  if (byTime && isWord) return fault(`--random goes with a percentage, not with ${value}`)
  if ((byActors || byTime) && targets.named.length > 0) {
    return fault(`${byActors ? '--actors' : '--random'} and ${targets.named.join(', ')} exclude each other`)
  }
  const ignoresDeprecation = given.switches.has('--ignore-random-deprecation-check')
  if ((byTime || ignoresDeprecation) && isRoutingFlag(flag)) {
    const name = byTime ? '--random' : '--ignore-random-deprecation-check'
    return fault(
      `${name} is not for ${flag}: it would send the requests of one flow to either side at random. Use --actors`,
    )
  }
  if (ignoresDeprecation && !byTime) return fault('--ignore-random-deprecation-check goes with --random')
  if (byTime && !ignoresDeprecation) {
    return fault('--random is deprecated: use --actors, or add --ignore-random-deprecation-check')
  }
  const key = byActors ? { key: 'percentage_of_actors' } : byTime ? { key: 'percentage_of_time' } : {}
  return { flag, value, parameters: { value, ...key, ...targets.parameters } }
}

const ONE_OR_SHARE =
  '--actors=Authn::OauthApplication:<id> (or --oauth-application=<id|client_id>) with true or false is for that application alone, --actors with a percentage for a share of all'

function faultOfValue(value: string): string {
  const shown = JSON.stringify(value.slice(0, 40))
  if (/^\d+(\.\d+)?\s*%$/.test(value)) return `write ${value.replace(/\s*%$/, '')} --actors, without the sign %`
  if (/^(on|yes|enable|enabled)$/i.test(value) || value.toLowerCase() === 'true')
    return `${shown} is no value: write true`
  if (/^(off|no|disable|disabled)$/i.test(value) || value.toLowerCase() === 'false')
    return `${shown} is no value: write false`
  return `${shown} is no value: true, false or a percentage; ${PERCENTAGE_RULE}`
}

function tooManyWords(words: readonly string[]): string {
  const actor = words.find((word) => applicationIdOf(word) !== undefined)
  if (actor !== undefined) return `write --actors=${actor}, in one piece: an actor is no word of its own`
  return `name one flag and one value, not ${words
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
    return { fault: '--actors=… and --oauth-application name applications in two ways: use one of them' }
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
  if (OPT_OUTS.includes(value) && groups !== undefined) return { fault: `${value} is not for feature groups` }
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
      return `--actors=${actor.slice(0, 20)} can be read as a share and as an application: write --oauth-application=${actor.slice(0, 20)}, or a percentage and --actors`
    }
    if (/^[A-Z]\w*(::\w+)*:\d+$/.test(actor)) {
      return `${shown} is no actor that flags go by here: only Authn::OauthApplication:<id> is`
    }
    return `--actors=… takes actors such as Authn::OauthApplication:42, not ${shown}; an application can be named by --oauth-application=<id|client_id>, too`
  }
  return undefined
}
