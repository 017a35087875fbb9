/** Every fault of a configuration at once, one line each: where, and which rule it breaks. Holds no values. */
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
