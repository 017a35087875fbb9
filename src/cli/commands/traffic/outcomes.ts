import { z } from 'zod'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

/** The options that are passed on as they are, with the parameter of each. */
const PARAMETERS = {
  '--oauth-application': 'oauth_application',
  '--side': 'side',
  '--kind': 'kind',
  '--from': 'from',
  '--to': 'to',
  '--resolution': 'resolution',
} as const

const HELP = `Usage: handover outcomes [--oauth-application ID] [--side SIDE] [--kind KIND] [--from TIME] [--to TIME]
                         [--resolution RESOLUTION] [--environment NAME]

Counts what became of OAuth flows, by application, side, kind and cause. Each grant counts once, however often a client
retries it.

  --oauth-application ID
      Only this application, by id or client_id. Default: all.
  --side rails|iam
      Only flows that this side answered. Default: both.
  --kind KIND
      Only this kind: sign_in, device, refresh, client_credentials, password, introspect, revoke or userinfo.
      Default: all.
  --from TIME, --to TIME
      A date, or a moment such as 2026-11-23T06:00:00Z. Default: the last hour, or the last day with hours.
  --resolution minute|hour
      Minutes are kept for 2 days, hours for 90. Default: minute.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const outcomesSchema = z.object({
  outcomes: z.array(
    z.object({
      application_id: z.int(),
      side: z.string(),
      kind: z.string(),
      cause: z.string(),
      at: z.string(),
      count: z.int(),
    }),
  ),
})

/** `handover outcomes`: counts outcomes. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const own = Object.fromEntries(Object.keys(PARAMETERS).map((name) => [name, { takes: 'value' } as const]))
  return runControlCommand(
    { name: 'outcomes', help: HELP, options: { ...ENVIRONMENT_OPTIONS, ...own }, plan },
    args,
    io,
  )
}

function plan(line: CommandLine): ControlPlan {
  if (line.words.length > 0) throw new UsageFault('outcomes takes no arguments')
  const query = new URLSearchParams({ environment: environmentOf(line) })
  for (const [option, parameter] of Object.entries(PARAMETERS)) {
    const value = line.values.get(option)?.[0]
    if (value !== undefined) query.set(parameter, value)
  }
  return async (ask) => {
    const json = await ask('GET', `/api/v1/outcomes?${query}`)
    const lines = outcomesSchema.parse(json).outcomes.map(({ at, application_id, side, kind, cause, count }) => {
      return `${at}  application ${application_id}  ${side}  ${kind}  ${cause}  ${count}`
    })
    return { json, lines: lines.length > 0 ? lines : ['no outcomes'] }
  }
}
