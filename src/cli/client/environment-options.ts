import { DEFAULT_ENVIRONMENT, ENVIRONMENTS, type Environment, isEnvironment } from '../../flags/index.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../command-line.ts'

/** `--environment NAME`, and a switch for each environment. */
export const ENVIRONMENT_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--environment': { takes: 'values' },
  ...Object.fromEntries(ENVIRONMENTS.map((name) => [`--${name}`, { takes: 'nothing' } as const])),
}

/** The help text of these options. */
export const ENVIRONMENT_HELP = `  --environment NAME, ${ENVIRONMENTS.map((name) => `--${name}`).join(', ')}
      The environment. Default: ${DEFAULT_ENVIRONMENT}.`

/** The specified environments, in the order in which changes are applied; production by default. */
export function environmentsOf(line: CommandLine): readonly Environment[] {
  const named = new Set<string>(line.values.get('--environment'))
  for (const name of ENVIRONMENTS) if (line.switches.has(`--${name}`)) named.add(name)
  for (const name of named) {
    if (!isEnvironment(name)) {
      throw new UsageFault(
        `environment ${JSON.stringify(name.slice(0, 60))} is unknown; it must be one of ${ENVIRONMENTS.join(', ')}`,
      )
    }
  }
  return named.size === 0 ? [DEFAULT_ENVIRONMENT] : ENVIRONMENTS.filter((name) => named.has(name))
}

/** The specified environment; undefined if there is none. */
export function givenEnvironmentOf(line: CommandLine): Environment | undefined {
  const isNamed = Object.keys(ENVIRONMENT_OPTIONS).some((name) => line.switches.has(name) || line.values.has(name))
  return isNamed ? environmentOf(line) : undefined
}

/** The specified environment; production by default. */
export function environmentOf(line: CommandLine): Environment {
  const [first = DEFAULT_ENVIRONMENT, ...others] = environmentsOf(line)
  if (others.length > 0) throw new UsageFault('specify only one environment')
  return first
}
