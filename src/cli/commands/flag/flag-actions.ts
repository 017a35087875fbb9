import { z } from 'zod'
import { actorOf, applicationInWords, shownName } from '../../../applications/index.ts'
import { nearest } from '../../../config/index.ts'
import type { Environment } from '../../../flags/index.ts'
import {
  type ChangeTerms,
  confirmed,
  isTerminal,
  lookThenChange,
  type Preview,
  printedPreview,
  readPreview,
  type SentTerms,
} from '../../client/change-terms.ts'
import { type ControlClient, RefusedError } from '../../client/control-client.ts'
import type { ControlPlan } from '../../client/control-command.ts'
import { UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import type { FlagSetting } from './flag-setting.ts'

const featureSchema = z.object({
  name: z.string(),
  state: z.string(),
  gates: z.array(z.object({ key: z.string(), value: z.union([z.boolean(), z.number(), z.array(z.string())]) })),
  environment: z.string().optional(),
  version: z.int().optional(),
  waiting_applications: z.int().optional(),
  waiting: z
    .array(
      z.object({
        id: z.int(),
        client_id: z.string(),
        name: z.string().nullish(),
        version: z.int(),
        iam_version: z.int().nullable(),
      }),
    )
    .optional(),
  applications: z.array(z.object({ id: z.int(), name: z.string().nullable() })).optional(),
  notes: z.array(z.string()).optional(),
  warnings: z.array(z.string()).optional(),
})
type Feature = z.infer<typeof featureSchema>
const flagsSchema = z.object({ flags: z.array(featureSchema.loose()) })
const definitionsSchema = z.array(z.object({ name: z.string() }))

const staleFlagsSchema = z.object({
  flags: z.array(
    z.object({ name: z.string(), type: z.string(), status: z.enum(['stale', 'review_due']), until: z.string() }),
  ),
})

/** `flag get`: one flag of an environment, whether it has been set or not. */
export function getFlag(flag: string, environment: Environment): ControlPlan {
  return async (ask) => {
    const feature = (await featuresOf(ask, environment)).find(({ name }) => name === flag)
    return { json: feature, lines: describe(feature ?? (await notDefined(ask, flag)), environment) }
  }
}

/** `flag list`: every flag that is defined or set and has `match` in its name. */
export function listFlags(environment: Environment, match: string): ControlPlan {
  return async (ask) => {
    const features = (await featuresOf(ask, environment)).filter(({ name }) => name.includes(match))
    const width = Math.max(0, ...features.map(({ name }) => name.length))
    const { flags: old } = staleFlagsSchema.parse(await ask('GET', '/api/v1/stale-flags'))
    const lines = features.flatMap((feature) => {
      const age = old.find(({ name }) => name === feature.name)
      return [
        `${feature.name.padEnd(width)}  ${feature.state.padEnd(11)}  ${gatesInWords(feature)}`,
        ...(age === undefined ? [] : [`${' '.repeat(width)}  ${ageInWords(age)}`]),
      ]
    })
    return { json: features, lines: [`${environment}:`, ...(lines.length > 0 ? lines : ['no flags'])] }
  }
}

/** `flag set`: one environment after the other; the first refusal stops it. */
export function setFlag(
  setting: FlagSetting,
  environments: readonly Environment[],
  terms: ChangeTerms,
  io: CommandIo,
): ControlPlan {
  if (terms.ifVersion !== undefined && environments.length > 1) {
    throw new UsageFault('--if-version requires a single environment, because each has its own version')
  }
  const given = terms.ifVersion === undefined ? {} : { if_version: terms.ifVersion }
  return async (ask) => {
    const send = (environment: Environment, more: SentTerms) =>
      ask('POST', pathOf(setting.flag), { ...setting.parameters, environment, ...given, ...more })
    if (terms.isDryRun) {
      const previews: Preview[] = []
      for (const environment of environments) previews.push(readPreview(await send(environment, { dry_run: true })))
      return printedPreview(previews)
    }
    const done: Feature[] = []
    for (const environment of environments) {
      const setOne = async () => {
        const confirm =
          terms.confirm ?? (await confirmedAtTerminal(setting, () => send(environment, { dry_run: true }), io))
        return send(environment, confirm === undefined ? {} : { confirm })
      }
      const answer = await setOne().catch((error: unknown) => {
        if (!(error instanceof RefusedError) || environments.length === 1) throw error
        const before =
          done.length === 0 ? 'nothing was set' : `set in ${environments.slice(0, done.length).join(', ')} only`
        throw new RefusedError(`${environment}: ${error.message} (${before})`, { cause: error })
      })
      done.push(featureSchema.loose().parse(answer))
    }
    const lines = done.flatMap((feature, index) => describe(feature, environments[index] ?? ''))
    return { json: done.length === 1 ? done[0] : done, lines }
  }
}

/** Asks before several applications move to IAM if none was specified: `true` may have been meant for one. */
async function confirmedAtTerminal(
  { parameters }: FlagSetting,
  look: () => Promise<unknown>,
  io: CommandIo,
): Promise<number | undefined> {
  if (!isTerminal(io) || 'oauth_application' in parameters || parameters['value'] === 'false') return undefined
  const preview = readPreview(await look())
  const { to_iam: toIam, to_rails: toRails } = preview.impact
  return toIam > 1 ? confirmed(preview, toIam + toRails, io) : undefined
}

/** The flag to restore; without a version, to the state before its last change. */
export interface RestoreRequest {
  readonly flag: string
  readonly environment: Environment
  readonly toVersion: number | undefined
}

/** `flag restore`: restores the state before the last change, or a version. */
export function restoreFlag(
  { flag, environment, toVersion }: RestoreRequest,
  terms: ChangeTerms,
  io: CommandIo,
): ControlPlan {
  const path = `/api/v1/flags/${encodeURIComponent(flag)}/restore`
  const body = { environment, ...(toVersion === undefined ? {} : { to_version: toVersion }) }
  return async (ask) => {
    const done = await lookThenChange((sent) => ask('POST', path, { ...body, ...sent }), terms, io)
    if ('dry' in done) return printedPreview([done.preview])
    return { json: done.answer, lines: describe(featureSchema.parse(done.answer), environment) }
  }
}

/** `flag delete`: deletes what was set, so that the default applies. */
export function deleteFlag(flag: string, environment: Environment, terms: ChangeTerms, io: CommandIo): ControlPlan {
  return async (ask) => {
    const send = (sent: SentTerms) => {
      const query = new URLSearchParams({ environment })
      for (const [name, value] of Object.entries(sent)) query.set(name, String(value))
      return ask('DELETE', `${pathOf(flag)}?${query}`)
    }
    const done = await lookThenChange(send, terms, io)
    if ('dry' in done) return printedPreview([done.preview])
    const lines = [`${flag} is no longer set in ${environment}`, `  before: ${done.preview.before}`]
    return { json: { deleted: flag, environment }, lines }
  }
}

function pathOf(flag: string): string {
  return `/api/v4/features/${encodeURIComponent(flag)}`
}

/** All flags that are set or only defined, sorted by name. */
async function featuresOf(ask: ControlClient, environment: Environment): Promise<Feature[]> {
  return flagsSchema.parse(await ask('GET', `/api/v1/flags?environment=${environment}`)).flags
}

function ageInWords({ type, status, until }: z.infer<typeof staleFlagsSchema>['flags'][number]): string {
  return status === 'stale'
    ? `stale: type ${type} should have ended by ${until}; see 'handover flag cleanup'`
    : `review overdue since ${until}`
}

async function notDefined(ask: ControlClient, flag: string): Promise<never> {
  const defined = definitionsSchema.parse(await ask('GET', '/api/v4/features/definitions'))
  const guess = nearest(
    flag,
    defined.map(({ name }) => name),
  )
  throw new RefusedError(
    `flag ${JSON.stringify(flag.slice(0, 100))} is not defined${guess ? `, did you mean ${guess}?` : ''}`,
  )
}

function describe(feature: Feature, environment: string): string[] {
  const lines = [
    `${feature.name} in ${environment}: ${feature.state}`,
    `  ${gatesInWords(feature)}`,
    ...(feature.version === undefined || feature.version === 0 ? [] : [`  version ${feature.version}`]),
  ]
  const waiting = feature.waiting_applications ?? 0
  if (waiting > 0) {
    const words = waiting === 1 ? ['1 application stays', 'it'] : [`${waiting} applications stay`, 'them']
    lines.push(`  ${words[0]} on the monolith until IAM holds ${words[1]}`)
    for (const application of feature.waiting ?? []) {
      const { version, iam_version: held } = application
      const what = held === null ? 'IAM does not hold it' : `IAM holds version ${held} of ${version}`
      lines.push(`    application ${applicationInWords(application)}: ${what}`)
    }
    const more = waiting - (feature.waiting ?? []).length
    if (feature.waiting !== undefined && more > 0) lines.push(`    and ${more} more`)
  }
  const { notes = [], warnings = [] } = feature
  return [...lines, ...notes.map((note) => `  ${note}`), ...warnings.map((warning) => `  warning: ${warning}`)]
}

const OPT_OUT = ':opt_out'

function gatesInWords(feature: Feature): string {
  const said: string[] = []
  for (const { key, value } of feature.gates) {
    if (key === 'boolean') said.push(...(value === true ? ['on for all'] : []))
    else if (key === 'percentage_of_actors') said.push(`${String(value)} % of applications`)
    else if (key === 'percentage_of_time') said.push(`${String(value)} % of the time`)
    else if (Array.isArray(value)) {
      const isOut = (actor: string) => actor.endsWith(OPT_OUT)
      const named = (actor: string) => namedActor(feature, actor)
      const actors = value.filter((actor) => !isOut(actor)).map(named)
      const out = value.filter(isOut).map((actor) => named(actor.slice(0, -OPT_OUT.length)))
      if (actors.length > 0) said.push(`${key === 'groups' ? 'feature groups' : 'on for'} ${actors.join(', ')}`)
      if (out.length > 0) said.push(`opted out: ${out.join(', ')}`)
    }
  }
  return said.length > 0 ? said.join('; ') : 'off for all'
}

function namedActor({ applications = [] }: Feature, actor: string): string {
  const name = shownName(applications.find((each) => actorOf(each) === actor)?.name ?? '')
  return name === '' ? actor : `${actor} "${name}"`
}
