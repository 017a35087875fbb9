import { PERCENTAGE_RULE, parsePercentage } from '../../../flags/index.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'

/** The parameters of `flag set` for the API, without the environment. */
export interface FlagSetting {
  readonly flag: string
  readonly parameters: Readonly<Record<string, string>>
}

/** Reads the words and options of `flag set`. Throws {@link UsageFault} for an invalid combination. */
export function readSetting(words: readonly string[], line: CommandLine): FlagSetting {
  const optOut = line.switches.has('--opt-out') ? 'opt_out' : undefined
  const removal = line.switches.has('--remove-opt-out') ? 'remove_opt_out' : undefined
  if (optOut && removal) throw new UsageFault('--opt-out and --remove-opt-out exclude each other')
  const applications = line.values.get('--oauth-application')?.[0]
  const [flag, typed, ...more] = words
  if (flag === undefined || more.length > 0) throw new UsageFault('specify one flag and one value')
  const optOutValue = optOut ?? removal
  if (optOutValue) return { flag, parameters: optOutParameters(optOutValue, typed, applications, line) }
  if (typed === undefined) throw new UsageFault('specify a value: true, false or a percentage')
  const isPercentage = typed !== 'true' && typed !== 'false'
  if (isPercentage && parsePercentage(typed) === undefined) {
    throw new UsageFault(
      `${JSON.stringify(typed.slice(0, 40))} is not a value: use true, false or a percentage; ${PERCENTAGE_RULE}`,
    )
  }
  if (line.switches.has('--actors')) {
    if (!isPercentage) throw new UsageFault(`--actors requires a percentage, not ${typed}`)
    if (applications !== undefined) throw new UsageFault('--actors and --oauth-application exclude each other')
    return { flag, parameters: { value: typed, key: 'percentage_of_actors' } }
  }
  if (applications !== undefined) {
    if (isPercentage) throw new UsageFault('--oauth-application requires true or false, not a percentage')
    return { flag, parameters: { value: typed, oauth_application: nonEmpty(applications) } }
  }
  if (isPercentage) {
    throw new UsageFault(
      'a percentage needs --actors, because it is a percentage of applications; for all or none, use true or false',
    )
  }
  return { flag, parameters: { value: typed } }
}

function optOutParameters(
  value: string,
  typed: string | undefined,
  applications: string | undefined,
  line: CommandLine,
): Record<string, string> {
  const option = `--${value.replaceAll('_', '-')}`
  if (typed !== undefined) throw new UsageFault(`${option} replaces the value ${JSON.stringify(typed.slice(0, 40))}`)
  if (applications === undefined) throw new UsageFault(`${option} needs --oauth-application`)
  if (line.switches.has('--actors')) throw new UsageFault(`${option} and --actors exclude each other`)
  return { value, oauth_application: nonEmpty(applications) }
}

function nonEmpty(applications: string): string {
  if (applications.split(',').some((name) => name.trim() === '')) {
    throw new UsageFault('--oauth-application must be ids or client ids, separated by commas')
  }
  return applications
}
