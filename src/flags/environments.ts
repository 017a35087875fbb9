/** The environments that have flags of their own, in the order in which changes go through them. */
export const ENVIRONMENTS = ['dev', 'pre', 'staging', 'staging-ref', 'production'] as const
export type Environment = (typeof ENVIRONMENTS)[number]

/** The environment that is meant where none is named. */
export const DEFAULT_ENVIRONMENT: Environment = 'production'

/** What to tell somebody who named another. */
export const ENVIRONMENT_RULE = `must be one of ${ENVIRONMENTS.join(', ')}`

/** Whether `name` is one of {@link ENVIRONMENTS}. */
export function isEnvironment(name: string): name is Environment {
  return (ENVIRONMENTS as readonly string[]).includes(name)
}
