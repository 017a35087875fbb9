import { actorOf, applicationInWords } from '../../applications/index.ts'
import {
  applicationIdOf,
  DEFAULT_ENVIRONMENT,
  type Definitions,
  ENVIRONMENT_RULE,
  type Environment,
  FLAG_NAME,
  type FlagChange,
  type FlagTarget,
  isEnvironment,
  PERCENTAGE_RULE,
  parsePercentage,
  suggestName,
} from '../../flags/index.ts'
import { quote } from '../requests/request-parameters.ts'
import { type ApplicationRecord, hasArrived } from '../state/model.ts'
import { type Confirm, readConfirm } from './confirmation.ts'

/** A parsed write of GitLab's feature API. */
export interface FeatureRequest {
  readonly environment: Environment
  readonly changes: readonly FlagChange[]
  readonly terms: WriteTerms
}

/** The conditions of a write, whatever it does. */
export interface WriteTerms {
  /** The version that the flag must still have. */
  readonly ifVersion: number | undefined
  /** The caller's confirmation of the applications that move. */
  readonly confirm: Confirm
  /** Report what the write would do, and change nothing. */
  readonly isDryRun: boolean
}

/** What parsing a request needs besides its parameters. */
export interface FeatureKnowledge {
  readonly definitions: Definitions
  readonly applicationById: (id: number) => ApplicationRecord | undefined
  readonly applicationByClientId: (clientId: string) => ApplicationRecord | undefined
}

type Parameters = ReadonlyMap<string, string>
type Fault = { readonly fault: string }

const KNOWN = [
  ...['name', 'value', 'key', 'feature_group', 'oauth_application', 'environment', 'force'],
  ...['if_version', 'confirm', 'dry_run'],
  // Read together with the cause of a change.
  ...['reason', 'change_issue_url'],
]
/** Targets that GitLab supports and that nothing here is evaluated for. */
const FOREIGN_TARGETS = ['user', 'group', 'namespace', 'project', 'organization', 'repository', 'runner', 'endpoint']
const KEYS = ['percentage_of_actors', 'percentage_of_time']
const MAX_TARGETS = 1_000

/** Reads the parameters of `POST /api/v4/features/:name`; a fault says which parameter breaks which rule. */
export function readFeatureRequest(
  flag: string,
  parameters: Parameters,
  known: FeatureKnowledge,
): FeatureRequest | Fault {
  const foreign = FOREIGN_TARGETS.find((name) => parameters.has(name))
  if (foreign) {
    return {
      fault: `${foreign} is no target here: flags are evaluated for OAuth applications, named by oauth_application`,
    }
  }
  for (const name of parameters.keys()) {
    if (KNOWN.includes(name)) continue
    const guess = suggestName(name, KNOWN)
    return { fault: `${quote(name)} is no parameter${guess ? `, did you mean ${guess}?` : ''}` }
  }
  const environment = readEnvironment(parameters.get('environment'))
  if (typeof environment === 'object') return environment
  const force = readBoolean(parameters, 'force')
  if (typeof force === 'object') return force
  const unknown = force ? faultOfName(flag) : faultOfUnknownFlag(flag, known.definitions)
  if (unknown) return unknown
  const terms = readTerms(parameters)
  if ('fault' in terms) return terms
  const targets = readTargets(parameters, known)
  if ('fault' in targets) return targets
  const changes = readChanges(flag, parameters, targets.targets)
  return 'fault' in changes ? changes : { environment, changes: changes.changes, terms }
}

/** Reads the conditions of a write: `if_version`, `confirm` and `dry_run`. */
export function readTerms(parameters: Parameters): WriteTerms | Fault {
  const ifVersion = readVersion(parameters.get('if_version'))
  if (typeof ifVersion === 'object') return ifVersion
  const confirm = readConfirm(parameters.get('confirm'))
  if (typeof confirm === 'object') return confirm
  const isDryRun = readBoolean(parameters, 'dry_run')
  return typeof isDryRun === 'object' ? isDryRun : { ifVersion, confirm, isDryRun }
}

/** Reads an environment's name, with production as the default. */
export function readEnvironment(text: string | undefined): Environment | Fault {
  if (text === undefined) return DEFAULT_ENVIRONMENT
  return isEnvironment(text) ? text : { fault: `environment ${quote(text)} is unknown: ${ENVIRONMENT_RULE}` }
}

/** Says that a flag is not defined, with the most similar name; undefined if it is defined. */
export function faultOfUnknownFlag(flag: string, definitions: Definitions): Fault | undefined {
  if (definitions.flags.has(flag)) return undefined
  const guess = suggestName(flag, definitions.flags.keys())
  return { fault: `flag ${quote(flag)} is not defined${guess ? `, did you mean ${guess}?` : ''}` }
}

function faultOfName(flag: string): Fault | undefined {
  return FLAG_NAME.test(flag)
    ? undefined
    : { fault: `${quote(flag)} cannot be a flag's name: lower-case letters, digits and underscores` }
}

function readBoolean(parameters: Parameters, name: string): boolean | Fault {
  const text = parameters.get(name)
  if (text === undefined || text === 'false') return false
  return text === 'true' ? true : { fault: `${name} must be true or false` }
}

function readVersion(text: string | undefined): number | undefined | Fault {
  if (text === undefined) return undefined
  return /^(0|[1-9]\d{0,14})$/.test(text) ? Number(text) : { fault: 'if_version must be a version number' }
}

function readTargets(parameters: Parameters, known: FeatureKnowledge): { readonly targets: FlagTarget[] } | Fault {
  const targets: FlagTarget[] = []
  for (const name of listOf(parameters.get('feature_group'))) {
    if (!known.definitions.featureGroups.has(name)) return { fault: `${quote(name)} is not found!` }
    targets.push({ kind: 'feature_group', name })
  }
  const given = parameters.get('oauth_application')
  const names = listOf(given)
  if (given !== undefined && names.some((name) => name === '')) {
    return { fault: 'oauth_application must be a list of ids or client ids, separated by commas' }
  }
  if (names.length > MAX_TARGETS) return { fault: `oauth_application names more than ${MAX_TARGETS} applications` }
  const value = parameters.get('value')
  for (const name of names) {
    const application = findApplication(name, known)
    if ('fault' in application) return application
    if (isOn(value) && !hasArrived(application)) return { fault: notArrived(application) }
    targets.push({ kind: 'actor', id: actorOf(application) })
  }
  return { targets }
}

/** Finds an application by numeric id, actor or client_id. */
export function findApplication(name: string, known: Omit<FeatureKnowledge, 'definitions'>): ApplicationRecord | Fault {
  const id = /^[1-9]\d{0,15}$/.test(name) ? Number(name) : applicationIdOf(name)
  const byId = id === undefined ? undefined : known.applicationById(id)
  const byClientId = known.applicationByClientId(name)
  if (byId && byClientId && byId !== byClientId) {
    return {
      fault: `${quote(name)} is both an application's id and another's client_id; name it by ${actorOf(byId)} or by its id`,
    }
  }
  return byId ?? byClientId ?? { fault: `${name.slice(0, 255)} is not found!` }
}

function notArrived(application: ApplicationRecord): string {
  const holds =
    application.iam_version === null
      ? 'holds nothing of it'
      : `holds version ${application.iam_version} of ${application.version}`
  return (
    `application ${applicationInWords(application)} (client_id ${application.client_id}) has not arrived in the IAM auth service, which ` +
    `${holds}; wait until replication has brought it there (GET /api/v1/applications/${application.id}), then set the flag again`
  )
}

function readChanges(
  flag: string,
  parameters: Parameters,
  targets: readonly FlagTarget[],
): { readonly changes: FlagChange[] } | Fault {
  const value = parameters.get('value')
  const key = parameters.get('key')
  if (value === undefined) return { fault: 'value is missing' }
  if (key !== undefined && !KEYS.includes(key)) return { fault: 'key does not have a valid value' }
  if (key !== undefined && targets.length > 0) {
    const target = parameters.has('oauth_application') ? 'oauth_application' : 'feature_group'
    return { fault: `key, ${target} are mutually exclusive` }
  }
  if (isOn(value) || isOff(value)) {
    const set = isOn(value)
    return { changes: targets.length > 0 ? targets.map((target) => ({ set, target })) : [{ set }] }
  }
  if (value === 'opt_out' || value === 'remove_opt_out') return optOuts(flag, value, targets)
  const percentage = parsePercentage(value)
  if (targets.length > 0) {
    const words =
      percentage === undefined
        ? 'true, false, opt_out or remove_opt_out'
        : 'a percentage cannot be combined with specific applications'
    return { fault: `Cannot set '${flag}' to ${quote(value)} for ${describe(targets)}: ${words}` }
  }
  if (percentage === undefined) {
    const named = key === undefined ? '' : ` ("${key}")`
    return {
      fault: `Cannot set '${flag}'${named} to ${quote(value)}: true, false, or a percentage; ${PERCENTAGE_RULE}`,
    }
  }
  return { changes: [{ percentage, of: key === 'percentage_of_actors' ? 'actors' : 'time' }] }
}

function optOuts(
  flag: string,
  value: string,
  targets: readonly FlagTarget[],
): { readonly changes: FlagChange[] } | Fault {
  const changes: FlagChange[] = []
  for (const target of targets) {
    if (target.kind !== 'actor') return { fault: `Cannot set '${flag}' to "${value}" for feature group ${target.name}` }
    changes.push(value === 'opt_out' ? { optOut: target.id } : { removeOptOut: target.id })
  }
  if (changes.length === 0)
    return { fault: `Cannot set '${flag}' to "${value}": name the application by oauth_application` }
  return { changes }
}

/** 100 and 0 count as true and false whatever the key, as they do at GitLab. */
function isOn(value: string | undefined): boolean {
  return value === 'true' || (value !== undefined && parsePercentage(value) === 100)
}

function isOff(value: string): boolean {
  return value === 'false' || parsePercentage(value) === 0
}

function describe(targets: readonly FlagTarget[]): string {
  return targets
    .map((target) => (target.kind === 'actor' ? target.id : target.name))
    .slice(0, 3)
    .join(', ')
}

function listOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((part) => part.trim())
}
