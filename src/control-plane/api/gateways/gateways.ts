import { z } from 'zod'
import { GATEWAY_REPORT_PATH } from '../../../routing/index.ts'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import type { GatewayRecord } from '../../gateways/gateway-record.ts'
import { namedEnvironmentField } from '../flags/flags.ts'
import { isOutOfBounds, refuseFollower } from '../hooks/followers.ts'

const trafficSchema = z.strictObject({ requests: z.int().nonnegative(), failures: z.int().nonnegative() })

const outcomesSchema = z.object({
  id: z.int().positive(),
  successes: z.int().nonnegative(),
  failures: z.int().nonnegative(),
  error: z
    .string()
    .regex(/^[a-z_]{1,40}$/, 'must be an OAuth error')
    .optional(),
})

const label = (length: number) => z.string().regex(new RegExp(`^[\\w.:+-]{1,${length}}$`), 'must be a plain name')

/** The reader of a stream, as its query describes it; an older gateway sends nothing. */
export const identityFields = {
  instance: label(64).optional().describe('The id of the process, generated at startup'),
  name: label(128).optional().describe('The name of the gateway'),
  version: label(64).optional().describe('Its version of Handover'),
  commit: label(64).optional().describe('The commit from which it was built'),
}

const reportSchema = z.object({
  instance: label(64),
  name: label(128),
  version: label(64),
  commit: label(64).optional(),
  environment: namedEnvironmentField,
  snapshotVersion: z.int().nonnegative().nullable(),
  snapshotEpoch: z.string().max(64).optional(),
  snapshotStamp: z.string().max(64).optional(),
  isCircuitOpen: z.boolean(),
  openApplications: z.array(z.int().positive()).max(100).optional(),
  applications: z.array(outcomesSchema).max(100).optional(),
  isBrakeOn: z.boolean(),
  legacy: trafficSchema,
  iam: trafficSchema,
})

/** A gateway as the API shows it. */
export const gatewaySchema = z.object({
  instance: z.string(),
  name: z.string().nullable(),
  version: z.string().nullable(),
  commit: z.string().nullable(),
  environment: z.string(),
  connected: z.boolean(),
  connected_at: z.string().nullable(),
  heard_at: z.string(),
  snapshot_version: z.int().nullable(),
  behind_ms: z.number().nullable(),
  iam_circuit_open: z.boolean().nullable(),
  application_circuits_open: z.array(z.int()).nullable(),
  applications: z
    .array(outcomesSchema)
    .nullable()
    .describe("Results of applications' requests at IAM in the last five to ten minutes"),
  brake_on: z.boolean().nullable(),
  legacy: trafficSchema.nullable(),
  iam: trafficSchema.nullable(),
})

const listSchema = z.object({ version: z.int(), gateways: z.array(gatewaySchema) })
/** A gateway, and the list of them, in a document of the API. */
export type GatewayDocument = z.infer<typeof gatewaySchema>
export type GatewaysDocument = z.infer<typeof listSchema>

/** Which gateways follow the control plane, and their state. */
export function gatewayRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/gateways',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['gateways'],
        summary: 'Gateways that are connected to any replica, or were in the last few minutes',
        querystring: z.object({ environment: namedEnvironmentField.optional() }),
        response: { 200: listSchema },
      },
    },
    async (request) => {
      const { environment } = request.query
      const all = await control.gateways.all()
      const gateways = all.filter((each) => environment === undefined || each.environment === environment)
      return { version: control.feed.cache.version, gateways: gateways.map(gatewayDocument) }
    },
  )
  api.post(
    GATEWAY_REPORT_PATH,
    {
      config: { roles: ['gateway'] },
      schema: {
        tags: ['gateways'],
        summary: 'Report the snapshot and status of a gateway',
        body: reportSchema,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { commit, ...report } = request.body
      if (isOutOfBounds(request, report.environment)) return refuseFollower(reply, report.environment)
      control.gateways.reported({ ...report, commit })
      return reply.code(204).send(null)
    },
  )
}

/** Renders a gateway. */
export function gatewayDocument(record: GatewayRecord): GatewayDocument {
  const { instance, name, version, commit, environment, legacy, iam } = record
  const at = (ms: number) => new Date(ms).toISOString()
  return {
    ...{ instance, name, version, commit, environment, connected: record.isConnected },
    connected_at: record.connectedAt === null ? null : at(record.connectedAt),
    heard_at: at(record.heardAt),
    snapshot_version: record.snapshotVersion,
    behind_ms: record.behindMs,
    iam_circuit_open: record.isCircuitOpen,
    application_circuits_open: record.openApplications ? [...record.openApplications] : null,
    applications: record.applications ? record.applications.map((one) => ({ ...one })) : null,
    brake_on: record.isBrakeOn,
    legacy: legacy && { ...legacy },
    iam: iam && { ...iam },
  }
}
