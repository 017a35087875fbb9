import type { AuthorizationServer, AuthorizationServerDependencies } from './ports.ts'

/** Puts the endpoints together over a store. */
export function createAuthorizationServer(dependencies: AuthorizationServerDependencies): AuthorizationServer {
  throw new Error(`being written: ${dependencies.schema}`)
}
