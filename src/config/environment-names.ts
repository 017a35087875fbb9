/** The environments, those farthest from users first. */
export const ENVIRONMENT_NAMES = ['dev', 'pre', 'staging', 'staging-ref', 'production'] as const
