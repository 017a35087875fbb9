import { FLAG_TYPES } from '../../../flags/index.ts'
import { CHANGE_HELP, CHANGE_OPTIONS, changeTermsOf, versionOption } from '../../client/change-terms.ts'
import { CONTROL_HELP, REASON_HELP, REASON_OPTIONS } from '../../client/control-client.ts'
import { type ControlPlan, type LonePlan, runControlCommand } from '../../client/control-command.ts'
import {
  ENVIRONMENT_HELP,
  ENVIRONMENT_OPTIONS,
  environmentOf,
  environmentsOf,
} from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { deleteFlag, getFlag, listFlags, restoreFlag, setFlag } from './flag-actions.ts'
import { CLEANUP_OPTIONS, cleanUpFlag } from './flag-cleanup.ts'
import { NEW_OPTIONS, newFlag } from './flag-new.ts'
import { readSetting } from './flag-setting.ts'

const HELP = `Usage: handover flag get <flag>
       handover flag set <flag> true|false|<percentage> [--dry-run] [options]
       handover flag list [--match TEXT]
       handover flag restore <flag> [--to-version N] [--dry-run] [--confirm]
       handover flag delete <flag> [--dry-run] [--confirm]
       handover flag new <flag> --type TYPE --group GROUP --milestone M --introduced-by-url URL [options]
       handover flag cleanup <flag> [--path DIR]... [--delete --confirm FLAG]

Gets and sets feature flags at the control plane, writes flag definitions, and cleans up flags.

  --oauth-application ID[,ID]...
      Set the flag for these applications only (ids or client ids), with true or false. After false the flag is off for
      all of them: one that another gate still covers is opted out, and true removes that opt-out.
  --actors
      The value is a percentage of applications. This option takes no value.
  --opt-out, --remove-opt-out
      Keep the applications out, regardless of all other settings, until --remove-opt-out. Replaces true and false.
${ENVIRONMENT_HELP}
      'set' accepts several and applies the change to them in this order.
${CHANGE_HELP}
${REASON_HELP}
  --match TEXT
      List only flags with this text in their name.
  --to-version N
      Restore the flag to this version. Default: the version before its last change. If that change was itself a
      restore, --if-version is required, because two people may restore at the same time during an incident.

'new' writes a definition file:
  --type TYPE         ${Object.keys(FLAG_TYPES).join(', ')}
  --group GROUP       the owner, such as group::authentication
  --milestone M       such as 19.1
  --introduced-by-url URL, --rollout-issue-url URL, --feature-issue-url URL, --description TEXT
  --default-enabled   on by default, if the type allows it
  --definitions-dir DIR
      The directory of definitions. Default: flags.

'cleanup' lists the references to a flag, its state in each environment, and the remaining steps:
  --path DIR          where to search for references; may be repeated. Default: the working directory.
  --delete            delete it in all environments, unless an application depends on it or a reference remains
  --confirm FLAG      the name of the flag again, as a confirmation
  --despite-references
      Delete it although references remain.

${CONTROL_HELP}`

const OPTIONS = {
  '--oauth-application': { takes: 'value' },
  '--actors': {
    takes: 'nothing',
    noValue:
      'it means that the value is a percentage of applications; to set the flag for a single application, use --oauth-application=<id>',
  },
  '--opt-out': { takes: 'nothing' },
  '--remove-opt-out': { takes: 'nothing' },
  '--match': { takes: 'value' },
  '--to-version': { takes: 'value' },
  ...REASON_OPTIONS,
  ...NEW_OPTIONS,
  ...CLEANUP_OPTIONS,
  ...CHANGE_OPTIONS,
  ...ENVIRONMENT_OPTIONS,
} as const

/** `cleanup` has a different `--confirm`, which takes the name of the flag. */
const CLEANUP_LINE = { ...OPTIONS, ...CLEANUP_OPTIONS }

/** Options that belong to a single action. */
const OWN_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  set: ['--oauth-application', '--actors', '--opt-out', '--remove-opt-out'],
  list: ['--match'],
  restore: ['--to-version'],
  new: Object.keys(NEW_OPTIONS),
  cleanup: Object.keys(CLEANUP_OPTIONS).filter((option) => option !== '--confirm'),
}
const CHANGING = ['set', 'restore', 'delete']

/** `handover flag`: gets, sets, lists, restores and deletes flags. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const options = args.includes('cleanup') ? CLEANUP_LINE : OPTIONS
  return runControlCommand({ name: 'flag', help: HELP, options, plan: (line) => plan(line, io) }, args, io)
}

function plan(line: CommandLine, io: CommandIo): ControlPlan | LonePlan {
  const [action, ...words] = line.words
  refuseForeignOptions(action, line)
  switch (action) {
    case 'get':
      return getFlag(oneFlag(words), environmentOf(line))
    case 'set':
      return setFlag(readSetting(words, line), environmentsOf(line), changeTermsOf(line), io)
    case 'list':
      if (words.length > 0) throw new UsageFault('list takes no flag; use --match TEXT to filter')
      return listFlags(environmentOf(line), line.values.get('--match')?.[0] ?? '')
    case 'restore':
      return restoreFlag(
        { flag: oneFlag(words), environment: environmentOf(line), toVersion: versionOption(line, '--to-version') },
        changeTermsOf(line),
        io,
      )
    case 'delete':
      return deleteFlag(oneFlag(words), environmentOf(line), changeTermsOf(line), io)
    case 'new':
      return newFlag(oneFlag(words), line, new Date())
    case 'cleanup':
      return cleanUpFlag(oneFlag(words), line)
    default:
      throw new UsageFault(
        `specify get, set, list, restore, delete, new or cleanup${action ? `, not ${JSON.stringify(action.slice(0, 40))}` : ''}`,
      )
  }
}

function refuseForeignOptions(action: string | undefined, line: CommandLine): void {
  for (const [owner, options] of Object.entries(OWN_OPTIONS)) {
    const stray = options.find((option) => line.switches.has(option) || line.values.has(option))
    if (stray !== undefined && owner !== action) throw new UsageFault(`${stray} is only valid with '${owner}'`)
  }
  const environment = Object.keys(ENVIRONMENT_OPTIONS).find((name) => line.switches.has(name) || line.values.has(name))
  if (environment !== undefined && (action === 'cleanup' || action === 'new')) {
    throw new UsageFault(`${environment} is not valid with '${action}', which covers all environments`)
  }
  const isGiven = (option: string) => line.switches.has(option) || line.values.has(option)
  const term = Object.keys(CHANGE_OPTIONS).find(isGiven)
  const isOwn = term === '--confirm' && action === 'cleanup'
  if (term !== undefined && !isOwn && !CHANGING.includes(action ?? '')) {
    throw new UsageFault(`${term} is only valid with ${CHANGING.join(', ')}`)
  }
  const why = Object.keys(REASON_OPTIONS).find((option) => line.values.has(option))
  if (why !== undefined && (action === 'get' || action === 'list' || action === 'new')) {
    throw new UsageFault(`${why} is only valid with commands that make a change`)
  }
}

function oneFlag(words: readonly string[]): string {
  const [flag, ...more] = words
  if (flag === undefined || flag === '' || more.length > 0) throw new UsageFault('specify one flag')
  return flag
}
