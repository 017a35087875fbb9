import { randomUUID } from 'node:crypto'
import swagger from '@fastify/swagger'
import fastify from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import { type ListenAddress, ListenError, plainAddress, TrustedProxies } from '../../http/index.ts'
import { endSpan, givenCorrelationId, runInRequest, type Span, spanOfRequest } from '../../observability/index.ts'
import { requireRoles } from '../api/hooks/authentication.ts'
import { boundJson } from '../api/hooks/bounded-json.ts'
import { renderErrors } from '../api/hooks/errors.ts'
import { recordRefusals } from '../api/hooks/refusals.ts'
import { addRoutes } from '../api/routes.ts'
import type { Api, ControlContext } from '../control-context.ts'
import { formBody } from '../requests/request-parameters.ts'
import type { ControlPlaneSettings } from '../settings.ts'

const BODY_LIMIT = 1 << 20
const REQUEST_LIMIT_MS = 30_000

/** Builds the API with its hooks, routes and OpenAPI document, ready to listen. */
export async function createApi(control: ControlContext, { trustedProxies = [] }: ControlPlaneSettings): Promise<Api> {
  const proxies = new TrustedProxies(trustedProxies)
  const api: Api = fastify({
    trustProxy: (address) => proxies.has(plainAddress(address)),
    bodyLimit: BODY_LIMIT,
    requestTimeout: REQUEST_LIMIT_MS,
    genReqId: (message) => givenCorrelationId(message.headers['x-request-id']) ?? randomUUID(),
    routerOptions: { maxParamLength: 512 },
  }).withTypeProvider<ZodTypeProvider>()
  api.setValidatorCompiler(validatorCompiler)
  api.setSerializerCompiler(serializerCompiler)
  api.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, formBody(body.toString('latin1')))
  })
  boundJson(api)
  renderErrors(api, control)
  traceRequests(api, control)
  countRequests(api, control)
  requireRoles(api, control)
  recordRefusals(api, control)
  await describeApi(api)
  api.register(async (routes: Api) => addRoutes(routes, control))
  await api.ready()
  return api
}

/** Listens on an address; resolves with the one that is bound. Closes the API and rejects if it cannot be bound. */
export async function listen(api: Api, wanted: ListenAddress): Promise<ListenAddress> {
  try {
    await api.listen({ host: wanted.host, port: wanted.port })
  } catch (error) {
    await api.close()
    throw new ListenError(wanted, error as NodeJS.ErrnoException)
  }
  const bound = api.server.address()
  return { host: wanted.host, port: bound !== null && typeof bound === 'object' ? bound.port : wanted.port }
}

/** Serves the OpenAPI document of the routes that are added afterwards. */
async function describeApi(api: Api): Promise<void> {
  await api.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Handover control plane', version: '1', description: 'Flags, applications, routing decisions.' },
      components: {
        securitySchemes: {
          privateToken: { type: 'apiKey', in: 'header', name: 'PRIVATE-TOKEN' },
          bearer: { type: 'http', scheme: 'bearer' },
        },
      },
      security: [{ privateToken: [] }, { bearer: [] }],
    },
    transform: jsonSchemaTransform,
  })
  api.get('/api/openapi.json', { config: { roles: 'anyone' }, schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(api.swagger())),
  )
}

/** Work and log lines of a request carry its correlation id and its span, if there is one. */
function traceRequests(api: Api, { tracing }: ControlContext): void {
  const spans = new WeakMap<object, Span>()
  api.addHook('onRequest', (request, _reply, done) => {
    const { method, headers, id: correlationId } = request
    const route = request.routeOptions.url ?? 'unmatched'
    const span = spanOfRequest(tracing, { method, route, traceparent: headers['traceparent'], correlationId })
    if (span) spans.set(request, span)
    runInRequest({ correlationId, span }, done)
  })
  api.addHook('onResponse', async (request, reply) => endSpan(spans.get(request), reply.statusCode))
}

function countRequests(api: Api, control: ControlContext): void {
  api.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'unmatched'
    const { method } = request
    control.metrics.requests.inc({ method, route, status: String(reply.statusCode) })
    control.metrics.duration.observe({ route }, reply.elapsedTime / 1_000)
    control.log.debug({ correlation_id: request.id, method, route, status: reply.statusCode }, 'request answered')
  })
}
