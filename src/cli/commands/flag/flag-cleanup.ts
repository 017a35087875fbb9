import { z } from 'zod'
import { nearest } from '../../../config/index.ts'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { ROUTING_FLAG, UNKNOWN_CLIENTS_FLAG } from '../../../routing/index.ts'
import { readPreview } from '../../client/change-terms.ts'
import { type ControlClient, RefusedError } from '../../client/control-client.ts'
import type { ControlPlan } from '../../client/control-command.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../../command-line.ts'
import { findReferences, type Reference } from './references.ts'

/** The options of `flag cleanup`. */
export const CLEANUP_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--path': { takes: 'values' },
  '--delete': { takes: 'nothing' },
  '--confirm': { takes: 'value' },
  '--despite-references': { takes: 'nothing' },
}

const featuresSchema = z.array(
  z.object({
    name: z.string(),
    state: z.enum(['on', 'conditional', 'off']),
    gates: z.array(z.object({ key: z.string(), value: z.unknown() })),
  }),
)

const definitionsSchema = z.array(z.object({ name: z.string() }))

/** The state of a flag in one environment, and why it cannot be deleted there; absent if it can. */
interface FlagStatus {
  readonly environment: Environment
  readonly state: 'on' | 'conditional' | 'off' | 'not set'
  readonly keeps?: string
}

/**
 * `flag cleanup`: lists every reference to a flag, its state in each environment, and the remaining steps. With
 * `--delete` and the name as confirmation, deletes it in all environments, in order. Refuses while an application
 * depends on it.
 */
export function cleanUpFlag(name: string, line: CommandLine): ControlPlan {
  const paths = line.values.get('--path') ?? ['.']
  const isDeletion = line.switches.has('--delete')
  const confirmed = line.values.get('--confirm')?.[0]
  if (confirmed !== undefined && !isDeletion) throw new UsageFault('--confirm is only valid with --delete')
  if (line.switches.has('--despite-references') && !isDeletion) {
    throw new UsageFault('--despite-references is only valid with --delete')
  }
  if (isDeletion && confirmed !== name) {
    throw new UsageFault(`--delete deletes the flag in all environments; add --confirm ${name} to confirm`)
  }
  return async (ask) => {
    const references = findReferences(name, paths)
    const statuses = withDisagreement(await statusesOf(ask, name))
    if (references.length === 0 && statuses.every(({ state }) => state === 'not set')) await refuseUnknown(ask, name)
    const obstacles = statuses.filter((status) => status.keeps !== undefined)
    const report = [...referenceLines(references), ...statuses.map(inWords)]
    if (!isDeletion) {
      const steps = stepsLeft(name, references, obstacles)
      return {
        json: { references, environments: statuses, steps },
        lines: [...report, '', 'remaining steps:', ...steps],
      }
    }
    if (obstacles.length > 0) {
      const why = obstacles.map(({ environment, keeps }) => `${environment}: ${keeps}`)
      throw new RefusedError(`applications still depend on ${name}, so nothing was deleted: ${why.join('; ')}`)
    }
    if (references.length > 0 && !line.switches.has('--despite-references')) {
      const first = references[0] as Reference
      const where = `${first.path}:${first.line}${references.length > 1 ? ` and ${references.length - 1} more` : ''}`
      throw new RefusedError(
        `${name} is still referenced (${where}), so nothing was deleted; see 'flag cleanup ${name}'`,
      )
    }
    const deleted = await deleteEverywhere(ask, name, statuses)
    const lines = deleted.map((environment) => `deleted in ${environment}`)
    const none = `${name} is not set in any environment; nothing was deleted`
    return { json: { deleted }, lines: lines.length > 0 ? lines : [none] }
  }
}

async function statusesOf(ask: ControlClient, name: string): Promise<FlagStatus[]> {
  const statuses: FlagStatus[] = []
  for (const environment of ENVIRONMENTS) {
    const features = featuresSchema.parse(await ask('GET', `/api/v4/features?environment=${environment}`))
    const feature = features.find((one) => one.name === name)
    const path = `/api/v4/features/${encodeURIComponent(name)}?environment=${environment}&dry_run=true`
    const left = feature && readPreview(await ask('DELETE', path)).after_state
    const keeps = feature && reasonToKeep(name, feature, left)
    statuses.push({ environment, state: feature?.state ?? 'not set', ...(keeps === undefined ? {} : { keeps }) })
  }
  return statuses
}

const WITHOUT_DEFAULT = 'it sends all applications to IAM; without it, none would go there'

/** Why deleting the flag, which leaves `left`, would change the routing of an application; else undefined. */
function reasonToKeep(
  name: string,
  { state, gates }: z.infer<typeof featuresSchema>[number],
  left: string | undefined,
): string | undefined {
  const actors = gates.find(({ key }) => key === 'actors')?.value
  const outs = Array.isArray(actors) ? actors.filter((actor) => String(actor).endsWith(':opt_out')).length : 0
  if (outs > 0) return `${outs} ${outs === 1 ? 'application is' : 'applications are'} opted out`
  if (state === 'conditional') return 'it is on for some applications and off for others'
  if (state === 'on' && name === ROUTING_FLAG && left !== 'on') return WITHOUT_DEFAULT
  if (state === 'on' && name === UNKNOWN_CLIENTS_FLAG) return 'it sends unknown clients to IAM'
  return undefined
}

/**
 * A flag that is on for all in one environment and off for all in another is not settled. Where it is not set, it was
 * deleted already or never needed, which is consistent with both.
 */
function withDisagreement(statuses: readonly FlagStatus[]): readonly FlagStatus[] {
  const where = (wanted: FlagStatus['state']) =>
    statuses.filter(({ state }) => state === wanted).map(({ environment }) => environment)
  const [on, off] = [where('on'), where('off')]
  if (on.length === 0 || off.length === 0) return statuses
  const keeps = `it is on for all, but off for all in ${off.join(', ')}`
  return statuses.map((status) => (status.state === 'on' ? { keeps, ...status } : status))
}

/** An unknown name is probably a typo, so "nothing left to do" would be misleading. */
async function refuseUnknown(ask: ControlClient, name: string): Promise<void> {
  const defined = definitionsSchema.parse(await ask('GET', '/api/v4/features/definitions'))
  const names = defined.map((definition) => definition.name)
  if (names.includes(name)) return
  const guess = nearest(name, names)
  throw new RefusedError(
    `no definition, setting or reference of ${JSON.stringify(name.slice(0, 100))}${guess ? `, did you mean ${guess}?` : ''}`,
  )
}

function referenceLines(references: readonly Reference[]): string[] {
  if (references.length === 0) return ['no references', '']
  return [
    ...references.map(({ path, line, text }) => `${path}:${line}: ${text}`),
    `${references.length} ${references.length === 1 ? 'reference' : 'references'}`,
    '',
  ]
}

function inWords({ environment, state, keeps }: FlagStatus): string {
  return `${environment.padEnd(12)} ${state.padEnd(12)}${keeps === undefined ? '' : ` ${keeps}`}`.trimEnd()
}

function stepsLeft(name: string, references: readonly Reference[], obstacles: readonly FlagStatus[]): string[] {
  const where = (kept: (keeps: string | undefined) => boolean) =>
    obstacles.filter(({ keeps }) => kept(keeps)).map(({ environment }) => environment)
  const inUse = where((keeps) => keeps === WITHOUT_DEFAULT)
  const unsettled = where((keeps) => keeps !== WITHOUT_DEFAULT)
  const steps = [
    ...(unsettled.length > 0 ? [`settle the flag in ${unsettled.join(', ')} first: on for all, or off for all`] : []),
    ...(inUse.length > 0
      ? [
          `let new flows go to IAM without the flag in ${inUse.join(', ')}: add these environments to iam_by_default of every control plane (docs/how-to/retire-a-flag.md)`,
        ]
      : []),
    ...(references.length > 0 ? ['remove the references and the definition, and merge the change'] : []),
    `check that the removal is released: handover chatops 'release check <merge request> <milestone>'`,
    'close the feature issue',
    `delete it everywhere: handover flag cleanup ${name} --delete --confirm ${name}`,
    'close the rollout issue',
  ]
  return steps.map((step, index) => `${index + 1}. ${step}`)
}

/** Deletes in one environment after the other; the first refusal stops it and reports what was deleted before. */
async function deleteEverywhere(
  ask: ControlClient,
  name: string,
  statuses: readonly FlagStatus[],
): Promise<Environment[]> {
  const deleted: Environment[] = []
  for (const { environment, state } of statuses) {
    if (state === 'not set') continue
    await ask('DELETE', `/api/v4/features/${encodeURIComponent(name)}?environment=${environment}`).catch(
      (error: unknown) => {
        if (!(error instanceof RefusedError)) throw error
        const before = deleted.length === 0 ? 'nothing was deleted' : `deleted in ${deleted.join(', ')} only`
        throw new RefusedError(`${environment}: ${error.message} (${before})`, { cause: error })
      },
    )
    deleted.push(environment)
  }
  return deleted
}
