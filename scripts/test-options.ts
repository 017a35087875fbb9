import { parseArgs } from 'node:util'

/** The options of `npm test -- …`. */
export interface TestOptions {
  /** Parts of paths; without any, every test file runs. */
  readonly patterns: readonly string[]
  /** Regular expressions of test names; undefined for every test. */
  readonly names: readonly string[] | undefined
  readonly watch: boolean
  readonly help: boolean
}

export const TEST_HELP = `Usage: npm test -- [PART_OF_A_PATH ...] [-t NAME] [--watch]

  -t, --name NAME   Run only the tests whose full names match this regular expression. Repeatable.
  -w, --watch       After the run, run the tests that depend on each changed file.
  -h, --help        Show this help.`

/** Parses the arguments of the test runner; `fault` describes an invalid one. */
export function readTestOptions(args: readonly string[]): TestOptions | { readonly fault: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string', short: 't', multiple: true },
        watch: { type: 'boolean', short: 'w' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    for (const name of values.name ?? []) new RegExp(name)
    return { patterns: positionals, names: values.name, watch: values.watch ?? false, help: values.help ?? false }
  } catch (error) {
    // Removes the advice of parseArgs on words that begin with a dash, which does not apply here.
    return { fault: (error as Error).message.split('. ')[0] ?? '' }
  }
}
