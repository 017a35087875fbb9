import { useNavigate } from '@tanstack/react-router'
import { useEnvironment } from '../api/selected-environment.ts'
import { ENVIRONMENTS, environmentColour } from '../parts/badges/environment.tsx'

/** The environment in words and in its own colour, and the way to another one. */
export function EnvironmentSelect() {
  const environment = useEnvironment()
  const navigate = useNavigate()
  return (
    <label className="relative inline-flex items-center">
      <span className="sr-only">Environment</span>
      <select
        className="min-h-9 appearance-none rounded-md border border-transparent py-1 pr-7 pl-2.5 text-sm font-semibold text-white focus-visible:outline-offset-2"
        style={{ backgroundColor: environmentColour(environment) }}
        value={environment}
        onChange={({ target }) => {
          const chosen = ENVIRONMENTS.find((name) => name === target.value) ?? 'production'
          // Production is written too: without it, the environment of this address would be kept.
          void navigate({ to: '.', search: (search) => ({ ...search, environment: chosen }) })
        }}
      >
        {ENVIRONMENTS.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      <span aria-hidden="true" className="pointer-events-none absolute right-2.5 text-xs text-white">
        ▾
      </span>
    </label>
  )
}
