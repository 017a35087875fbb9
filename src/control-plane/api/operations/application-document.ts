import { z } from 'zod'
import { applicationSchema, cohortOfDocument } from '../../../applications/index.ts'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { OUTCOME_KINDS } from '../../../outcomes/index.ts'
import { ROUTING_FLAG } from '../../../routing/index.ts'
import { type Caller, OPERATORS } from '../../access/roles/roles.ts'
import type { ControlContext } from '../../control-context.ts'
import { applicationHistory, type HistoryPage } from '../../explain/application-history.ts'
import { sideOf } from '../../explain/application-list.ts'
import { TROUBLES, troubleOf } from '../../explain/application-order.ts'
import { nextAction } from '../../explain/next-action.ts'
import { flagStatus, gateInWords } from '../../explain/what-if.ts'
import { passwordSeen, passwordServed, passwordUse } from '../../flags/password-grant.ts'
import { USED_DAYS, usedKinds } from '../../outcomes/used-grants.ts'
import { readApplication } from '../../state/application-writes.ts'
import { type ApplicationRecord, hasArrived } from '../../state/model.ts'
import type { ApplicationPages } from './application-page.ts'

/** How much of the history the document contains. */
const HISTORY = 20

/** What the control plane holds of every application. */
export const recordSchema = z.object({
  id: z.int(),
  client_id: z.string(),
  name: z.string().optional().describe('As announced by its platform: untrusted text'),
  version: z.int(),
  iam_version: z.int().nullable(),
})

/** An application as all readers see it: without even the digest of its secret. */
const knownApplicationSchema = applicationSchema.omit({ secret_digest: true }).extend({ has_secret: z.boolean() })

const passwordGrantSchema = z
  .object({
    application: z.enum(['allowed', 'refused', 'unknown']).describe('Whether its registration allows the grant'),
    used: z
      .enum(['yes', 'no', 'unknown'])
      .describe('Whether the monolith has granted its requests with a password; unknown without reported traffic'),
    iam: z.enum(['yes', 'no', 'unknown']).describe('Whether the IAM of this control plane can serve it'),
  })
  .describe('The resource owner password credentials grant (RFC 6749 §4.3)')

/** A page of what happened to an application. */
export const historySchema = z.object({
  entries: z.array(
    z.object({
      at: z.string(),
      by: z.string(),
      kind: z.enum(['moved', 'taken_back', 'registration', 'exclusion', 'retry', 'report', 'credentials']),
      sentence: z.string(),
    }),
  ),
  next: z.string().nullable().describe('The `before` of the next page; null on the last page'),
})

/** One application, and what its page in the console shows. */
export const applicationDocumentSchema = recordSchema.extend({
  arrived: z.boolean(),
  password_grant: passwordGrantSchema,
  used_kinds: z
    .array(z.object({ kind: z.enum(OUTCOME_KINDS), flows: z.number(), last_on: z.string() }))
    .describe(`The kinds of flow that succeeded within the last ${USED_DAYS} days, on either side`),
  application: knownApplicationSchema,
  environment: z.enum(ENVIRONMENTS),
  cohort: z.string().nullable(),
  is_probe_twin: z.boolean().describe('Only probes use it'),
  registered_at: z.string().nullable().describe('When its registration last changed here'),
  side: z.enum(['iam', 'rails']),
  side_sentence: z.string().describe('Where its new flows start, and which gate of the flag decides'),
  flag: z.object({
    name: z.literal(ROUTING_FLAG),
    on: z.boolean(),
    gate: z.string(),
    bucket: z.number(),
    version: z.int().describe('Send it as `if_version` with a change'),
  }),
  trouble: z.enum(TROUBLES).nullable(),
  verdict: z.string().describe('What the guards say, in one sentence'),
  traffic_per_day: z.number().nullable(),
  failed: z.number().nullable(),
  iam_credentials: z.int().nullable().describe('How many of its credentials are valid at IAM; null when unknown'),
  taken_back_by: z
    .object({ rollout: z.int(), name: z.string(), version: z.int(), sentence: z.string(), at: z.string() })
    .nullable()
    .describe('The active rollout that took it back'),
  next_action: z.object({
    verb: z.enum(['move', 'take_back', 'retry']),
    sentence: z.string(),
    allowed: z.boolean(),
    reason: z.string().nullable().describe('Why it cannot be done now, or not by this caller'),
  }),
  history: historySchema.describe('The newest part; the rest is at `/history`'),
  readiness: z.null(),
  parity: z.null(),
})
/** The document of `GET /api/v1/applications/:id`. */
export type ApplicationDocument = z.infer<typeof applicationDocumentSchema>

/** Reads everything about an application; undefined when it is unknown. */
export async function applicationDocument(
  control: ControlContext,
  pages: ApplicationPages,
  { found, environment, caller }: { found: ApplicationRecord; environment: Environment; caller: Caller },
): Promise<ApplicationDocument | undefined> {
  const { cache } = control.feed
  const application = await readApplication(control.store, found.id)
  if (application === undefined) return undefined
  const row = await pages.row(found, environment)
  const flag = flagStatus(cache, environment, found)
  const takenBack = row.facts.takenBack.get(found.id)
  const side = sideOf(cache, environment, found)
  const trouble = troubleOf(cache, environment, found, row.facts)
  const request = { environment, applicationId: found.id, before: undefined, limit: HISTORY }
  return {
    ...found,
    ...{ arrived: hasArrived(found), application, environment, side, trouble: trouble ?? null },
    password_grant: {
      application: passwordUse(application.policy),
      used: await passwordSeen(control.store, environment, found.id),
      iam: passwordServed(await control.iamGrants.current()),
    },
    used_kinds: await usedKinds(control.store, environment, found.id, Date.now()),
    cohort: cohortOfDocument(application) ?? null,
    is_probe_twin: control.probing.twins.isProbe(found.id),
    registered_at: await registeredAt(control, found.id),
    side_sentence: `New flows start on ${side}: ${gateInWords(flag)}${arrivalInWords(found, flag.on)}.`,
    flag: { name: ROUTING_FLAG, on: flag.on, gate: flag.gate, bucket: flag.bucket / 1_000, version: flag.version },
    verdict: row.evidence?.sentence ?? 'No rollout has moved it, so no guard judges it.',
    ...{ traffic_per_day: row.traffic_per_day, failed: row.failed, iam_credentials: row.iam_credentials },
    taken_back_by: takenBack ?? null,
    next_action: nextAction({
      ...{ side, trouble, hasArrived: hasArrived(found), isBrakeOn: cache.brake(environment).on },
      takenBackBy: takenBack?.name,
      refusal: refusalOf(caller, environment),
    }),
    history: historyDocument(await applicationHistory(control, request)),
    ...{ readiness: null, parity: null },
  }
}

/** Renders a page of a history. */
export function historyDocument({ entries, next }: HistoryPage): z.infer<typeof historySchema> {
  return { entries: entries.map((entry) => ({ ...entry })), next }
}

async function registeredAt({ store: { database, schema } }: ControlContext, id: number): Promise<string | null> {
  const [row] = await database.query<{ at: Date }>(
    `select changed_at as at from ${schema}.applications where id = $1`,
    [id],
  )
  return row?.at.toISOString() ?? null
}

function arrivalInWords(found: ApplicationRecord, isOn: boolean): string {
  if (!isOn || hasArrived(found)) return ''
  const { version, iam_version: held } = found
  return `, but IAM holds ${held === null ? 'nothing of it' : `version ${held} of ${version}`}`
}

function refusalOf({ role, name, environments }: Caller, environment: Environment): string | undefined {
  if (!OPERATORS.some((each) => each === role)) return 'Your role may read, and change nothing.'
  return environments.includes(environment) ? undefined : `${name} may not change ${environment}.`
}
