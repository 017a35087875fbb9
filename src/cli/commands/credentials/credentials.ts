import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { listCredentials } from './list.ts'
import { revokeCredentials } from './revoke.ts'

const HELP = `Usage: handover credentials list [--oauth-application ID | --flag-off] [--environment NAME]
       handover credentials revoke APPLICATION [--dry-run | --confirm CLIENT_ID] [--environment NAME]

Lists the credentials from IAM that are still valid, as after a rollback: how many each application has, until when, and
whether the flag is on for it now. Refresh tokens do not expire on their own; 'revoke' revokes them, together with
everything else that is still valid, after you type the client_id. It is refused while the flag is on for the
application (by id or client_id).

  --oauth-application ID
      List only this application, by id or client_id.
  --flag-off
      List only applications whose flag is off, with what must be revoked and what users will notice.
  --dry-run
      Show what would be revoked and what users will notice; change nothing.
  --confirm CLIENT_ID
      The client_id, for scripts, which cannot type it.
  --environment NAME
      The environment of the flag. 'revoke' accepts only that of the control plane, because its IAM is queried.
      Default: that of the control plane.
${CONTROL_HELP}`

const OPTIONS = {
  '--oauth-application': { takes: 'value' },
  '--flag-off': { takes: 'nothing' },
  '--dry-run': { takes: 'nothing' },
  '--confirm': { takes: 'value' },
  ...ENVIRONMENT_OPTIONS,
} as const

/** Options that belong to a single action. */
const OWN_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  list: ['--oauth-application', '--flag-off'],
  revoke: ['--dry-run', '--confirm'],
}

/** `handover credentials`: lists and revokes what IAM issued. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand(
    { name: 'credentials', help: HELP, options: OPTIONS, plan: (line) => plan(line, io) },
    args,
    io,
  )
}

function plan(line: CommandLine, io: CommandIo): ControlPlan {
  const [action = '', ...words] = line.words
  for (const [owner, options] of Object.entries(OWN_OPTIONS)) {
    const foreign = options.find((option) => line.values.has(option) || line.switches.has(option))
    if (foreign !== undefined && owner !== action) throw new UsageFault(`${foreign} is only valid with ${owner}`)
  }
  const environment = givenEnvironmentOf(line)
  if (action === 'list') {
    if (words.length > 0) throw new UsageFault('specify an application with --oauth-application')
    const application = line.values.get('--oauth-application')?.[0]
    const onlyFlagOff = line.switches.has('--flag-off')
    if (onlyFlagOff && application !== undefined) {
      throw new UsageFault('specify --oauth-application or --flag-off, not both')
    }
    return listCredentials({ application, environment, onlyFlagOff })
  }
  if (action !== 'revoke') {
    throw new UsageFault(`specify list or revoke${action ? `, not ${JSON.stringify(action.slice(0, 40))}` : ''}`)
  }
  const [application, ...more] = words
  if (application === undefined || more.length > 0) throw new UsageFault('specify one application')
  const confirm = line.values.get('--confirm')?.[0]
  const isDryRun = line.switches.has('--dry-run')
  if (isDryRun && confirm !== undefined) throw new UsageFault('specify --dry-run or --confirm, not both')
  return revokeCredentials({ application, environment, confirm, isDryRun }, io)
}
