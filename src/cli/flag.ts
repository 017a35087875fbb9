import { FLAG_TYPES } from '../flags/index.ts'
import { type CommandLine, UsageFault } from './command-line.ts'
import { CAUSE_HELP, CAUSE_OPTIONS, CONTROL_HELP } from './control-client.ts'
import { type ControlPlan, type LonePlan, runControlCommand } from './control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf, environmentsOf } from './environment-options.ts'
import { deleteFlag, getFlag, listFlags, restoreFlag, setFlag } from './flag-actions.ts'
import { CLEANUP_OPTIONS, cleanUpFlag } from './flag-cleanup.ts'
import { NEW_OPTIONS, newFlag } from './flag-new.ts'
import { readSetting } from './flag-setting.ts'
import type { CommandIo } from './io.ts'

const HELP = `Usage: handover flag get <flag>
       handover flag set <flag> true|false|<percentage> [options]
       handover flag list [--match TEXT]
       handover flag restore <flag> [--to-version N]
       handover flag delete <flag>
       handover flag new <flag> --type TYPE --group GROUP --milestone M --introduced-by-url URL [options]
       handover flag cleanup <flag> [--path DIR]... [--delete --confirm FLAG]

Reads and sets feature flags at the control plane; writes their definitions, and ends them.

  --oauth-application ID[,ID]...
      Set the flag for these applications only: ids or client ids, with true or false. After false none of them is on:
      one that another gate still covers is opted out, and true undoes that.
  --actors
      The value is a percentage of applications. Takes no value of its own.
  --opt-out, --remove-opt-out
      Keep the applications out until --remove-opt-out, whatever else is set; or end that. Takes the place of true and
      false.
${ENVIRONMENT_HELP}
      'set' takes several and goes through them in this order.
${CAUSE_HELP}
  --match TEXT
      List only flags whose name has this text in it.
  --to-version N
      Restore the flag as it was at this version. Default: as it was before its last change.

'new' writes a definition file and nothing else:
  --type TYPE         ${Object.keys(FLAG_TYPES).join(', ')}
  --group GROUP       whose it is, such as group::authentication
  --milestone M       such as 19.1
  --introduced-by-url URL, --rollout-issue-url URL, --feature-issue-url URL, --description TEXT
  --default-enabled   where the type allows it
  --definitions-dir DIR
      Default: flags.

'cleanup' lists what refers to a flag, what it is in each environment, and what is left to do:
  --path DIR          where to look for references; may be repeated. Default: the working directory.
  --delete            delete it in all environments, unless an application depends on it or something refers to it
  --confirm FLAG      the flag's name once more, so that the right one goes
  --despite-references
      Delete it although something refers to it.

${CONTROL_HELP}`

const OPTIONS = {
  '--oauth-application': { takes: 'value' },
  '--actors': {
    takes: 'nothing',
    noValue:
      'it says that the value is a percentage of applications; to set the flag for one application alone, write --oauth-application=<id>',
  },
  '--opt-out': { takes: 'nothing' },
  '--remove-opt-out': { takes: 'nothing' },
  '--match': { takes: 'value' },
  '--to-version': { takes: 'value' },
  ...CAUSE_OPTIONS,
  ...NEW_OPTIONS,
  ...CLEANUP_OPTIONS,
  ...ENVIRONMENT_OPTIONS,
} as const

/** Options that mean something to one action only. */
const OWN_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  set: ['--oauth-application', '--actors', '--opt-out', '--remove-opt-out'],
  list: ['--match'],
  restore: ['--to-version'],
  new: Object.keys(NEW_OPTIONS),
  cleanup: Object.keys(CLEANUP_OPTIONS),
}

/** `handover flag`: gets, sets, lists, restores and deletes flags. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'flag', help: HELP, options: OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan | LonePlan {
  const [action, ...words] = line.words
  refuseForeignOptions(action, line)
  switch (action) {
    case 'get':
      return getFlag(oneFlag(words), environmentOf(line))
    case 'set':
      return setFlag(readSetting(words, line), environmentsOf(line))
    case 'list':
      if (words.length > 0) throw new UsageFault('list takes no flag; --match TEXT picks some')
      return listFlags(environmentOf(line), line.values.get('--match')?.[0] ?? '')
    case 'restore':
      return restoreFlag(oneFlag(words), environmentOf(line), versionOf(line))
    case 'delete':
      return deleteFlag(oneFlag(words), environmentOf(line))
    case 'new':
      return newFlag(oneFlag(words), line, new Date())
    case 'cleanup':
      return cleanUpFlag(oneFlag(words), line)
    default:
      throw new UsageFault(
        `say what to do: get, set, list, restore, delete, new or cleanup${action ? `, not ${JSON.stringify(action.slice(0, 40))}` : ''}`,
      )
  }
}

function refuseForeignOptions(action: string | undefined, line: CommandLine): void {
  for (const [owner, options] of Object.entries(OWN_OPTIONS)) {
    const stray = options.find((option) => line.switches.has(option) || line.values.has(option))
    if (stray !== undefined && owner !== action) throw new UsageFault(`${stray} goes with '${owner}' only`)
  }
  const environment = Object.keys(ENVIRONMENT_OPTIONS).find((name) => line.switches.has(name) || line.values.has(name))
  if (environment !== undefined && (action === 'cleanup' || action === 'new')) {
    throw new UsageFault(`${environment} does not go with '${action}', which is for all environments`)
  }
  const why = Object.keys(CAUSE_OPTIONS).find((option) => line.values.has(option))
  if (why !== undefined && (action === 'get' || action === 'list' || action === 'new')) {
    throw new UsageFault(`${why} goes with what changes something`)
  }
}

function oneFlag(words: readonly string[]): string {
  const [flag, ...more] = words
  if (flag === undefined || flag === '' || more.length > 0) throw new UsageFault('name one flag')
  return flag
}

function versionOf(line: CommandLine): number | undefined {
  const text = line.values.get('--to-version')?.[0]
  if (text === undefined) return undefined
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw new UsageFault('--to-version must be a version number')
  return Number(text)
}
