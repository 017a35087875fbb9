import { useSearch } from '@tanstack/react-router'
import type { Environment } from './documents.ts'

const NAMES: readonly string[] = ['dev', 'pre', 'staging', 'staging-ref', 'production'] satisfies Environment[]

/** The part of every address that says which environment is shown; without one it is production. */
export interface EnvironmentSearch {
  readonly environment?: Environment
}

/** Reads the environment from an address; an unknown name counts as none. */
export function readEnvironment(search: Readonly<Record<string, unknown>>): EnvironmentSearch {
  const { environment } = search
  return typeof environment === 'string' && NAMES.includes(environment)
    ? { environment: environment as Environment }
    : {}
}

/** The environment that the page shows. */
export function useEnvironment(): Environment {
  return useSearch({ strict: false, select: (search: EnvironmentSearch) => search.environment }) ?? 'production'
}
