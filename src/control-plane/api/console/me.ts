import { z } from 'zod'
import { ENVIRONMENTS, type Environment } from '../../../flags/index.ts'
import { type Caller, PEOPLE } from '../../access/roles/roles.ts'
import type { RouteRules } from '../../access/roles/route-rules.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerOf } from '../hooks/authentication.ts'

/** What a page offers, and the route that does it: callers that may use the route see the action. */
const ROUTE_OF_VERB = {
  brake: 'PUT /api/v1/brake',
  'checklist.tick': 'POST /api/v1/checklist/ticks',
  'credentials.revoke': 'POST /api/v1/credentials/revoke',
  'drills.run': 'POST /api/v1/drills',
  'flags.restore': 'POST /api/v1/flags/:name/restore',
  'flags.write': 'POST /api/v4/features/:name',
  'probes.run': 'POST /api/v1/probes',
  'problems.report': 'POST /api/v1/problems',
  'rollouts.act': 'POST /api/v1/rollouts/:id/actions',
  'rollouts.create': 'POST /api/v1/rollouts',
  'side_effects.drop': 'DELETE /api/v1/side-effects/:id',
  'side_effects.retry': 'POST /api/v1/side-effects/:id/retry',
  'tokens.write': 'POST /api/v1/tokens',
} as const
export type Verb = keyof typeof ROUTE_OF_VERB
const VERBS = Object.keys(ROUTE_OF_VERB) as Verb[]

export const meSchema = z.object({
  name: z.string(),
  role: z.enum(PEOPLE),
  environments: z
    .array(
      z.object({
        environment: z.enum(ENVIRONMENTS),
        role: z.enum(PEOPLE).describe('`viewer` where the caller may change nothing'),
        may: z.array(z.enum(VERBS)).describe('What the caller may do there, besides reading'),
      }),
    )
    .describe('Every environment'),
  expires_at: z.string().nullable(),
  csrf_token: z.string().nullable().describe('The X-CSRF-Token for changes with the session; null for a token'),
})

/** The document of `GET /api/v1/me`. */
export type MeDocument = z.infer<typeof meSchema>

/** `GET /api/v1/me`: who the caller is, and what it may do in each environment. */
export function meRoutes(api: Api, _control: ControlContext): void {
  api.get(
    '/api/v1/me',
    {
      config: { roles: PEOPLE },
      schema: {
        tags: ['access'],
        summary: 'The caller, and what it may do in each environment',
        response: { 200: meSchema },
      },
    },
    async (request, reply) => {
      reply.header('Cache-Control', 'no-store')
      return meDocument(callerOf(request), (verb) => api.routeRules.get(ROUTE_OF_VERB[verb]))
    },
  )
}

function meDocument(
  caller: Caller,
  rulesOf: (verb: Verb) => Partial<RouteRules> | undefined,
): z.infer<typeof meSchema> {
  const { name, by } = caller
  const role = z.enum(PEOPLE).parse(caller.role)
  return {
    ...{ name, role },
    environments: ENVIRONMENTS.map((environment) => {
      const may = VERBS.filter((verb) => mayDo(caller, environment, rulesOf(verb)))
      return { environment, role: may.length === 0 ? 'viewer' : role, may }
    }),
    expires_at: by.expiresAt?.toISOString() ?? null,
    csrf_token: by.kind === 'session' ? by.csrfToken : null,
  }
}

function mayDo({ role, environments }: Caller, environment: Environment, rules: Partial<RouteRules> | undefined) {
  if (rules?.roles === undefined) throw new Error('an action names a route that does not exist')
  if (rules.roles !== 'anyone' && !rules.roles.includes(role)) return false
  return rules.environment === undefined || environments.includes(environment)
}
