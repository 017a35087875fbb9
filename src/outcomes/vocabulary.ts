/** The kinds of flow that the gateway observes. */
export const OUTCOME_KINDS = [
  'sign_in',
  'device',
  'refresh',
  'client_credentials',
  'password',
  'introspect',
  'revoke',
  'userinfo',
] as const
export type OutcomeKind = (typeof OUTCOME_KINDS)[number]

/**
 * Who caused an outcome. `server`: the side that answered, or should have. `client`: the application. `user`: the user
 * denied or walked away. `ours`: Handover itself (brake, circuit, gateway).
 */
export const OUTCOME_CAUSES = ['success', 'server', 'client', 'user', 'ours'] as const
export type OutcomeCause = (typeof OUTCOME_CAUSES)[number]

/** The sides, by the names that people and the API use. */
export const OUTCOME_SIDES = ['rails', 'iam'] as const
export type OutcomeSide = (typeof OUTCOME_SIDES)[number]
