/** The environments with their own flags, in the order in which changes are applied. */
export const ENVIRONMENTS = ['dev', 'pre', 'staging', 'staging-ref', 'production'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

/** The default environment. */
export const DEFAULT_ENVIRONMENT: Environment = 'production'

/** The error message for any other name. */
export const ENVIRONMENT_RULE = `must be one of ${ENVIRONMENTS.join(', ')}`

/** Whether `name` is one of {@link ENVIRONMENTS}. */
export function isEnvironment(name: string): name is Environment {
  return (ENVIRONMENTS as readonly string[]).includes(name)
}
