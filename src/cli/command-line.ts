import { nearest } from '../config/index.ts'

/** What an option takes: nothing, one value, a value each time it is given, or (`perhaps`) a value after `=` only. */
export interface OptionSpec {
  readonly takes: 'nothing' | 'value' | 'values' | 'perhaps'
  /** Why the option takes no value; part of the error for a given one. */
  readonly noValue?: string
}

/** Parsed arguments. */
export interface CommandLine {
  readonly words: readonly string[]
  readonly switches: ReadonlySet<string>
  readonly values: ReadonlyMap<string, readonly string[]>
}

/** Invalid usage of a command: exit code 2, one line. */
export class UsageFault extends Error {
  readonly code = 'usage'
  constructor(message: string) {
    super(message)
    this.name = 'UsageFault'
  }
}

/**
 * Parses arguments: `--name`, `--name=value`, `--name value`, words, and nothing but words after `--`. Throws
 * {@link UsageFault} for an unknown option, a missing or unexpected value, and an option given twice.
 */
export function readCommandLine(args: readonly string[], options: Readonly<Record<string, OptionSpec>>): CommandLine {
  const words: string[] = []
  const switches = new Set<string>()
  const values = new Map<string, string[]>()
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? ''
    if (argument === '--') {
      words.push(...args.slice(at + 1))
      break
    }
    // A negative number is a word, so that the command can report what is wrong with it.
    if (!argument.startsWith('-') || argument === '-' || /^-\d/.test(argument)) {
      words.push(argument)
      continue
    }
    const equals = argument.indexOf('=')
    const name = equals < 0 ? argument : argument.slice(0, equals)
    const inline = equals < 0 ? undefined : argument.slice(equals + 1)
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    if (!option) throw unknownOption(name, Object.keys(options))
    if (option.takes === 'nothing') {
      if (inline !== undefined)
        throw new UsageFault(`${name} takes no value${option.noValue ? `: ${option.noValue}` : ''}`)
      switches.add(name)
      continue
    }
    if (option.takes === 'perhaps' && inline === undefined) {
      switches.add(name)
      continue
    }
    const value = inline ?? args[++at]
    if (value === undefined) throw new UsageFault(`${name} needs a value`)
    const given = values.get(name) ?? []
    if (given.length > 0 && option.takes !== 'values') throw new UsageFault(`${name} is given twice`)
    values.set(name, [...given, value])
  }
  return { words, switches, values }
}

function unknownOption(name: string, known: readonly string[]): UsageFault {
  const guess = nearest(name, known)
  return new UsageFault(`unknown option ${name.slice(0, 60)}${guess ? `, did you mean ${guess}?` : ''}`)
}
