import { z } from 'zod'
import {
  applicationIdOf,
  compileFlag,
  conditionOf,
  ENVIRONMENTS,
  type Environment,
  type FlagDefinition,
  type FlagState,
} from '../../flags/index.ts'
import { ROUTING_FLAG } from '../../routing/index.ts'
import { type ApplicationRecord, hasArrived } from '../state/model.ts'
import { gatesOf, type StateCache } from '../state/state-cache.ts'

const MOST_NAMED = 20
const MOST_ACTORS = 100

const definitionSchema = z.object({
  name: z.string(),
  description: z.string().nullable(),
  feature_issue_url: z.string().nullable(),
  introduced_by_url: z.string().nullable(),
  rollout_issue_url: z.string().nullable(),
  milestone: z.string().nullable(),
  log_state_changes: z.boolean().nullable(),
  type: z.string(),
  group: z.string().nullable(),
  default_enabled: z.boolean(),
})

/** A flag's definition as GitLab's API shows it: absent values are null. */
export const definitionDocumentSchema = definitionSchema

const gateSchema = z.object({
  key: z.enum(['boolean', 'actors', 'percentage_of_actors', 'percentage_of_time', 'groups']),
  value: z.union([z.boolean(), z.number(), z.array(z.string())]),
})

/** A flag as GitLab's API shows it, followed by our own fields. */
export const featureDocumentSchema = z.object({
  name: z.string(),
  state: z.enum(['on', 'conditional', 'off']),
  gates: z.array(gateSchema),
  definition: definitionSchema.nullable(),
  environment: z.enum(ENVIRONMENTS),
  /** The version that last changed it; 0 for one that has not been set. */
  version: z.int(),
  /** Applications that the flag is on for and that stay on legacy because IAM does not hold them yet. */
  waiting_applications: z.int(),
  /** The first 20 of them. */
  waiting: z.array(
    z.object({
      id: z.int(),
      client_id: z.string(),
      name: z.string().nullable(),
      version: z.int(),
      iam_version: z.int().nullable(),
    }),
  ),
  /** The applications that the gates name, the first 100 of them; names are untrusted text. */
  applications: z.array(z.object({ id: z.int(), client_id: z.string(), name: z.string().nullable() })),
  /** In the answer to a write: what it did in addition to what it names, in sentences. */
  notes: z.array(z.string()).optional(),
  /** In the answer to a write: what may break for the applications that it moved. */
  warnings: z.array(z.string()).optional(),
})
export type FeatureDocument = z.infer<typeof featureDocumentSchema>

/** Renders a definition. */
export function definitionDocument(definition: FlagDefinition): z.infer<typeof definitionSchema> {
  return {
    name: definition.name,
    description: definition.description ?? null,
    feature_issue_url: definition.feature_issue_url ?? null,
    introduced_by_url: definition.introduced_by_url,
    rollout_issue_url: definition.rollout_issue_url ?? null,
    milestone: definition.milestone,
    log_state_changes: definition.log_state_changes ?? null,
    type: definition.type,
    group: definition.group,
    default_enabled: definition.default_enabled,
  }
}

/** Renders a flag of an environment from the view. */
export function featureDocument(cache: StateCache, environment: Environment, name: string): FeatureDocument {
  const stored = cache.storedFlags(environment).get(name)
  const state = cache.flagState(environment, name)
  const definition = cache.definitions.flags.get(name)
  const waiting = name === ROUTING_FLAG ? waitingFor(cache, state) : []
  return {
    name,
    state: conditionOf(state),
    gates: gateDocuments(state),
    definition: definition ? definitionDocument(definition) : null,
    environment,
    version: stored?.version ?? 0,
    waiting_applications: waiting.length,
    waiting: waiting.slice(0, MOST_NAMED).map(({ id, client_id, name, version, iam_version }) => ({
      ...{ id, client_id, name: name ?? null, version, iam_version },
    })),
    applications: namedBy(cache, state),
  }
}

function namedBy(cache: StateCache, state: FlagState): FeatureDocument['applications'] {
  return [...state.actors, ...state.opted_out].slice(0, MOST_ACTORS).flatMap((actor) => {
    const id = applicationIdOf(actor)
    const application = id === undefined ? undefined : cache.application(id)
    return application ? [{ id: application.id, client_id: application.client_id, name: application.name ?? null }] : []
  })
}

/**
 * The gates in Flipper's order: boolean always, the others if they are not empty; opt-outs are listed among the actors.
 */
function gateDocuments(state: FlagState): FeatureDocument['gates'] {
  const gates: FeatureDocument['gates'] = [{ key: 'boolean', value: state.boolean }]
  const actors = [...state.actors, ...state.opted_out.map((actor) => `${actor}:opt_out`)]
  if (actors.length > 0) gates.push({ key: 'actors', value: actors })
  if (state.percentage_of_actors > 0) gates.push({ key: 'percentage_of_actors', value: state.percentage_of_actors })
  if (state.percentage_of_time > 0) gates.push({ key: 'percentage_of_time', value: state.percentage_of_time })
  if (state.feature_groups.length > 0) gates.push({ key: 'groups', value: [...state.feature_groups] })
  return gates
}

/** The applications that a state of the routing flag is on for and whose current version IAM does not hold. */
export function waitingFor(cache: StateCache, state: FlagState): ApplicationRecord[] {
  const { all, arrived } = cache.counts
  if (all === arrived) return []
  const isOn = compileFlag(ROUTING_FLAG, gatesOf(cache.definitions, state))
  return cache.applications().filter((application) => !hasArrived(application) && isOn(application.id))
}
