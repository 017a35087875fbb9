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

/** What a flag is in one environment, and why it cannot go there; nothing when it can. */
interface Standing {
  readonly environment: Environment
  readonly state: 'on' | 'conditional' | 'off' | 'not set'
  readonly keeps?: string
}

/**
 * `flag cleanup`: every reference to a flag, what it is in each environment, and what is left to do; with `--delete`, and
 * the name typed once more, deletes it in all environments in their order. Refuses while an application depends on it.
 */
export function cleanUpFlag(name: string, line: CommandLine): ControlPlan {
  const paths = line.values.get('--path') ?? ['.']
  const isDeletion = line.switches.has('--delete')
  const confirmed = line.values.get('--confirm')?.[0]
  if (confirmed !== undefined && !isDeletion) throw new UsageFault('--confirm goes with --delete only')
  if (line.switches.has('--despite-references') && !isDeletion) {
    throw new UsageFault('--despite-references goes with --delete only')
  }
  if (isDeletion && confirmed !== name) {
    throw new UsageFault(`--delete takes the flag away in all environments; add --confirm ${name} if that is meant`)
  }
  return async (ask) => {
    const references = findReferences(name, paths)
    const standings = withDisagreement(await standingsOf(ask, name))
    if (references.length === 0 && standings.every(({ state }) => state === 'not set')) await refuseUnknown(ask, name)
    const obstacles = standings.filter((standing) => standing.keeps !== undefined)
    const report = [...referenceLines(references), ...standings.map(inWords)]
    if (!isDeletion) {
      const steps = stepsLeft(name, references, obstacles)
      return { json: { references, environments: standings, steps }, lines: [...report, '', 'left to do:', ...steps] }
    }
    if (obstacles.length > 0) {
      const why = obstacles.map(({ environment, keeps }) => `${environment}: ${keeps}`)
      throw new RefusedError(`applications still depend on ${name}, nothing was deleted: ${why.join('; ')}`)
    }
    if (references.length > 0 && !line.switches.has('--despite-references')) {
      const first = references[0] as Reference
      const where = `${first.path}:${first.line}${references.length > 1 ? ` and ${references.length - 1} more` : ''}`
      throw new RefusedError(`${name} is still referred to (${where}), nothing was deleted; see 'flag cleanup ${name}'`)
    }
    const deleted = await deleteEverywhere(ask, name, standings)
    const lines = deleted.map((environment) => `deleted in ${environment}`)
    const none = `${name} is not set in any environment, nothing was deleted`
    return { json: { deleted }, lines: lines.length > 0 ? lines : [none] }
  }
}

async function standingsOf(ask: ControlClient, name: string): Promise<Standing[]> {
  const standings: Standing[] = []
  for (const environment of ENVIRONMENTS) {
    const features = featuresSchema.parse(await ask('GET', `/api/v4/features?environment=${environment}`))
    const feature = features.find((one) => one.name === name)
    const path = `/api/v4/features/${encodeURIComponent(name)}?environment=${environment}&dry_run=true`
    const left = feature && readPreview(await ask('DELETE', path)).after_state
    const keeps = feature && reasonToKeep(name, feature, left)
    standings.push({ environment, state: feature?.state ?? 'not set', ...(keeps === undefined ? {} : { keeps }) })
  }
  return standings
}

const WITHOUT_DEFAULT = 'it sends all applications to IAM, and without it none would go there'

/** Why some application would be treated otherwise without the flag, whose default is `left`; undefined when none would. */
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
 * A flag that is on for all here and off for all there is not settled. Where it is not set it has been deleted already,
 * or never was needed: that agrees with both.
 */
function withDisagreement(standings: readonly Standing[]): readonly Standing[] {
  const where = (wanted: Standing['state']) =>
    standings.filter(({ state }) => state === wanted).map(({ environment }) => environment)
  const [on, off] = [where('on'), where('off')]
  if (on.length === 0 || off.length === 0) return standings
  const keeps = `it is on for all, but off for all in ${off.join(', ')}`
  return standings.map((standing) => (standing.state === 'on' ? { keeps, ...standing } : standing))
}

/** A name that nothing knows is most likely mistyped, and "nothing left to do" would be the wrong answer. */
async function refuseUnknown(ask: ControlClient, name: string): Promise<void> {
  const defined = definitionsSchema.parse(await ask('GET', '/api/v4/features/definitions'))
  const names = defined.map((definition) => definition.name)
  if (names.includes(name)) return
  const guess = nearest(name, names)
  throw new RefusedError(
    `nothing defines, sets or names ${JSON.stringify(name.slice(0, 100))}${guess ? `, did you mean ${guess}?` : ''}`,
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

function inWords({ environment, state, keeps }: Standing): string {
  return `${environment.padEnd(12)} ${state.padEnd(12)}${keeps === undefined ? '' : ` ${keeps}`}`.trimEnd()
}

function stepsLeft(name: string, references: readonly Reference[], obstacles: readonly Standing[]): string[] {
  const where = (kept: (keeps: string | undefined) => boolean) =>
    obstacles.filter(({ keeps }) => kept(keeps)).map(({ environment }) => environment)
  const inUse = where((keeps) => keeps === WITHOUT_DEFAULT)
  const unsettled = where((keeps) => keeps !== WITHOUT_DEFAULT)
  const steps = [
    ...(unsettled.length > 0 ? [`settle it first in ${unsettled.join(', ')}: on for all, or off for all`] : []),
    ...(inUse.length > 0
      ? [
          `let new flows go to IAM without the flag in ${inUse.join(', ')}: name these environments in iam_by_default of every control plane (docs/how-to/retire-a-flag.md)`,
        ]
      : []),
    ...(references.length > 0 ? ['remove the references and the definition, and merge that'] : []),
    `check that the removal is released: handover chatops 'release check <merge request> <milestone>'`,
    'close the feature issue',
    `delete it everywhere: handover flag cleanup ${name} --delete --confirm ${name}`,
    'close the rollout issue',
  ]
  return steps.map((step, index) => `${index + 1}. ${step}`)
}

/** One environment after the other; the first that refuses ends it, saying what was done before. */
async function deleteEverywhere(
  ask: ControlClient,
  name: string,
  standings: readonly Standing[],
): Promise<Environment[]> {
  const deleted: Environment[] = []
  for (const { environment, state } of standings) {
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
