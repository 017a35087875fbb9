import { z } from 'zod'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { BOUND_ROLES, PEOPLE, ROLES } from '../../access/roles/roles.ts'
import type { TokenRecord } from '../../access/tokens/token-store.ts'
import { createToken, revokeToken } from '../../access/tokens/token-writes.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import { namedEnvironmentField } from '../flags/flags.ts'
import { callerOf } from '../hooks/authentication.ts'

const DEFAULT_DAYS = 90
const MAX_DAYS = 366

const recordSchema = z.object({
  id: z.int(),
  role: z.enum(ROLES),
  name: z.string(),
  environments: z
    .array(z.enum(ENVIRONMENTS))
    .nullable()
    .describe('The environments that an operator may change or a gateway may follow; null for all'),
  created_at: z.string(),
  created_by: z.string().nullable().describe('Null for a token from the settings'),
  expires_at: z.string().nullable(),
  last_used_at: z.string().nullable().describe('Rounded to the hour'),
})

/** A token without its secret, and a created one with it, in documents of the API. */
export type TokenDocument = z.infer<typeof recordSchema>
const createdSchema = recordSchema.extend({ token: z.string() })
export type CreatedTokenDocument = z.infer<typeof createdSchema>

const wishSchema = z
  .strictObject({
    role: z.enum(ROLES),
    name: z.string().regex(/^[\w.@+-]{1,64}$/, 'must be 1 to 64 letters, digits or any of _ . @ + -'),
    environments: z.array(namedEnvironmentField).min(1).max(ENVIRONMENTS.length).optional(),
    days: z.int().min(1).max(MAX_DAYS).default(DEFAULT_DAYS).describe('How long the token is valid'),
  })
  .refine(({ role, environments }) => BOUND_ROLES.includes(role) || environments === undefined, {
    path: ['environments'],
    message: 'bind an operator or a gateway; no other role',
  })

/** The tokens with which people and programs authenticate. */
export function tokenRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/tokens',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['access'],
        summary: 'All tokens, without their secrets',
        response: { 200: z.object({ tokens: z.array(recordSchema) }) },
      },
    },
    async () => ({ tokens: (await control.tokens.list()).map(tokenDocument) }),
  )
  api.post(
    '/api/v1/tokens',
    {
      config: { roles: ['administrator'] },
      schema: {
        tags: ['access'],
        summary: 'Create a token; this response is the only one that shows it',
        body: wishSchema,
        response: { 201: createdSchema },
      },
    },
    async (request, reply) => {
      const { role, name, days, environments } = request.body
      const limits = environments ? ENVIRONMENTS.filter((each) => environments.includes(each)) : null
      const context = callerContext(request)
      const created = await createToken(control, { role, name, days, environments: limits }, context)
      if (created === 'name_reserved') {
        const detail = `name: ${name} belongs to the control plane or to its settings; choose another name`
        return sendProblem(reply, 409, 'name_reserved', {
          detail,
          errors: [{ field: 'name', rule: 'must not be a name of the control plane or of its settings' }],
        })
      }
      const { token, record } = created
      control.log.warn({ id: record.id, role, name, environments: limits, days, by: context.by }, 'token created')
      return reply
        .code(201)
        .header('Cache-Control', 'no-store')
        .send({ ...tokenDocument(record), token })
    },
  )
  revocation(api, control)
}

function revocation(api: Api, control: ControlContext): void {
  api.delete(
    '/api/v1/tokens/:id',
    {
      config: { roles: ['administrator'] },
      schema: {
        tags: ['access'],
        summary: 'Revoke a token and end its sessions',
        params: z.object({
          id: z.coerce.number().pipe(
            z
              .int()
              .positive()
              .max(2 ** 31 - 1),
          ),
        }),
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const revoked = await revokeToken(control, id, callerContext(request))
      if (revoked === 'unknown')
        return sendProblem(reply, 404, 'unknown_token', { detail: `no token has the id ${id}` })
      if (revoked === 'of_settings') {
        const detail = `token ${id} comes from the settings: replace it in its file and restart the control plane`
        return sendProblem(reply, 409, 'token_of_settings', { detail })
      }
      const { role, name } = revoked
      control.log.warn({ id, role, name, by: callerOf(request).name }, 'token revoked')
      return reply.code(204).send(null)
    },
  )
}

function tokenDocument(record: TokenRecord): TokenDocument {
  const { id, role, name, environments, created_by, created_at, expires_at, last_used_at } = record
  return {
    id,
    role,
    name,
    environments: environments && [...environments],
    created_at: created_at.toISOString(),
    created_by,
    expires_at: expires_at?.toISOString() ?? null,
    last_used_at: last_used_at?.toISOString() ?? null,
  }
}
