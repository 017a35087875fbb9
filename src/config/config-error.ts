/** All errors of a configuration, one line each: the place and the violated rule. Contains no values. */
export class ConfigError extends Error {
  readonly code = 'configuration'
  readonly faults: readonly string[]
  constructor(faults: readonly string[]) {
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    )
    this.name = 'ConfigError'
    this.faults = faults
  }
}
