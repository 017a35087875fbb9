import type { Environment } from '../../api/documents.ts'

/** Every environment, in the order in which changes are applied. */
export const ENVIRONMENTS = ['dev', 'pre', 'staging', 'staging-ref', 'production'] as const satisfies Environment[]

/** The CSS colour of an environment: white text on it is readable. */
export function environmentColour(environment: Environment): string {
  return `var(--environment-${environment})`
}

/** The environment in words and in its own colour, in every place that is about to change it. */
export function EnvironmentBadge({ environment }: { environment: Environment }) {
  return (
    <strong
      className="inline-block rounded-sm px-2 py-0.5 text-sm font-semibold whitespace-nowrap text-white"
      style={{ backgroundColor: environmentColour(environment) }}
    >
      {environment}
    </strong>
  )
}
