import type { FastifyRequest, RouteOptions } from 'fastify'
import { DEFAULT_ENVIRONMENT, type Environment, isEnvironment } from '../../../flags/index.ts'
import { requestParameters } from '../../requests/request-parameters.ts'
import type { Role } from './roles.ts'

/** Every route declares who may call it. */
export interface RouteRules {
  /** Who may call it; `anyone` for a route that needs no token or authenticates its callers itself. */
  readonly roles: readonly Role[] | 'anyone'
  /**
   * Why a viewer may call it although its method is an unsafe one: it changes `nothing`, or only what is the caller's
   * `own`: a session.
   */
  readonly changes?: 'nothing' | 'own'
  /**
   * Where it makes changes: in the environment that the request `names`, or as the route itself `judges` with {@link
   * RouteRules.roles}, which must allow operators.
   */
  readonly environment?: 'named' | 'judged'
}

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** Whether the method is safe (RFC 9110 §9.2.1). */
export function isSafe(method: string): boolean {
  return SAFE_METHODS.includes(method)
}

/** Says why a route must not be registered, so that no new route is left open by mistake; undefined for a valid one. */
export function faultOfRules({ method, url, config }: Pick<RouteOptions, 'method' | 'url' | 'config'>) {
  const rules = config as Partial<RouteRules> | undefined
  const name = `${[method].flat().join(',')} ${url}`
  if (rules?.roles === undefined) return `${name} does not say who may call it`
  if (rules.roles === 'anyone' || [method].flat().every(isSafe)) return undefined
  if (rules.changes === undefined && rules.roles.includes('viewer'))
    return `${name} would let a viewer change something`
  if (rules.changes === undefined && rules.roles.includes('operator') && rules.environment === undefined) {
    return `${name} does not say in which environment it changes something`
  }
  return undefined
}

/** The environment that a request of this API names; undefined if the name is invalid, which its route refuses. */
export function namedEnvironment(request: FastifyRequest): Environment | undefined {
  // Uses the matched route: the router also accepts a percent-encoded path, such as %76 for v.
  const named = request.routeOptions.url?.startsWith('/api/v4/') ? inParameters(request) : inDocument(request)
  return typeof named === 'string' && isEnvironment(named) ? named : undefined
}

function inParameters(request: FastifyRequest): unknown {
  const parameters = requestParameters(request)
  return 'fault' in parameters ? undefined : (parameters.values.get('environment') ?? DEFAULT_ENVIRONMENT)
}

function inDocument(request: FastifyRequest): unknown {
  const field = (part: unknown) =>
    part !== null && typeof part === 'object' ? (part as { environment?: unknown }).environment : undefined
  return field(request.body) ?? field(request.query) ?? DEFAULT_ENVIRONMENT
}
