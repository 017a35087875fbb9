import { z } from 'zod'
import { CONTROL_HELP, REASON_OPTIONS } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover report-problem --oauth-application=<id|client_id> --reason TEXT [--environment NAME]

Records a customer's report about an application. A rollout that has moved the application takes it back to the monolith,
and no rollout moves it until 'handover rollout retry'. The report appears in the timeline.

  --oauth-application ID
      The application, by id or client_id.
  --reason TEXT
      What the customer reports. No personal data and no credentials.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const OPTIONS = { ...ENVIRONMENT_OPTIONS, ...REASON_OPTIONS, '--oauth-application': { takes: 'value' } } as const

/** `handover report-problem`: records a report. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'report-problem', help: HELP, options: OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  if (line.words.length > 0) throw new UsageFault('report-problem takes options only')
  const environment = environmentOf(line)
  const application = line.values.get('--oauth-application')?.[0]
  const reason = line.values.get('--reason')?.[0]
  if (application === undefined) throw new UsageFault('specify the application with --oauth-application=<id|client_id>')
  if (reason === undefined) throw new UsageFault('say with --reason what the customer reports')
  return async (ask) => {
    const json = await ask('POST', '/api/v1/problems', { environment, oauth_application: application, reason })
    const { id, application_id: applicationId } = z.object({ id: z.int(), application_id: z.int() }).parse(json)
    const lines = [`problem ${id} is recorded; application ${applicationId} stays on the monolith in ${environment}`]
    return { json, lines }
  }
}
