import { z } from 'zod'
import { CONTROL_HELP } from '../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from '../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'
import { gatewayInWords, gatewaySchema } from './traffic/gateways.ts'

const HELP = `Usage: handover status [--environment NAME]

Shows the state of an environment: brake, flag, applications by side, whether gateways reach IAM, each gateway with its
lag, and what needs attention, most urgent first. 'handover applications' lists the applications.

Exit code: 0 if all is well, 1 if something needs attention or the control plane does not respond.

${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const statusSchema = z.object({
  environment: z.string(),
  version: z.int(),
  healthy: z.boolean(),
  attention: z.array(z.string()),
  brake: z.object({
    on: z.boolean(),
    reason: z.string(),
    changed_by: z.string().nullable(),
    changed_at: z.string().nullable(),
  }),
  flag: z.object({ name: z.string(), in_words: z.string(), version: z.int() }),
  applications: z.object({
    all: z.int(),
    on_iam: z.int(),
    on_rails: z.int(),
    waiting: z.int(),
    not_arrived: z.int(),
    failing: z.int(),
  }),
  gateways: z.array(gatewaySchema),
  iam: z.object({ in_words: z.string() }),
  side_effects: z.object({ waiting: z.int(), dead: z.int() }).nullable(),
})
type Status = z.infer<typeof statusSchema>

/** `handover status`: the state of an environment. Exit code 1 also if something needs attention. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'status', help: HELP, options: ENVIRONMENT_OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  if (line.words.length > 0) throw new UsageFault('status takes no arguments')
  const environment = environmentOf(line)
  return async (ask) => {
    const json = await ask('GET', `/api/v1/status?environment=${environment}`)
    const status = statusSchema.parse(json)
    return { json, lines: linesOf(status), exitCode: status.healthy ? 0 : 1 }
  }
}

function linesOf(status: Status): string[] {
  const {
    environment,
    version,
    healthy,
    attention,
    brake,
    flag,
    applications,
    iam,
    side_effects: sideEffects,
    gateways,
  } = status
  const { all, on_iam: onIam, on_rails: onRails, waiting, not_arrived: notArrived, failing } = applications
  const moved = brake.changed_at === null ? '' : `, since ${brake.changed_at}, by ${brake.changed_by ?? 'unknown'}`
  const rows = [
    ['Brake', brake.on ? `on${brake.reason === '' ? '' : ` (${brake.reason})`}${moved}` : 'off'],
    ['Flag', `${flag.name}: ${flag.in_words}`],
    ['Applications', `${all}: ${onIam} on IAM, ${onRails} on the monolith`],
    ['', `${failing} failing at IAM, ${waiting} switched on and waiting for IAM, ${notArrived} not arrived at IAM`],
    ['IAM', iam.in_words],
    [
      'Side effects',
      sideEffects === null ? 'unknown' : `${sideEffects.waiting} in progress, ${sideEffects.dead} failed`,
    ],
    ['Gateways', gateways.length === 0 ? 'none' : ''],
  ] as const
  return [
    `${environment}, version ${version}: ${healthy ? 'all is well' : 'needs attention'}`,
    ...attention.map((sentence) => `! ${sentence}`),
    ...rows.map(([title, text]) => `${title.padEnd(14)}${text}`.trimEnd()),
    ...gateways.map((gateway) => `  ${gatewayInWords(gateway)}`),
  ]
}
