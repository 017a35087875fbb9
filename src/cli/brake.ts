import { z } from 'zod'
import { type CommandLine, UsageFault } from './command-line.ts'
import { CONTROL_HELP } from './control-client.ts'
import { type ControlPlan, runControlCommand } from './control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from './environment-options.ts'
import type { CommandIo } from './io.ts'

const HELP = `Usage: handover brake on|off|status [--reason TEXT]

While the brake is on, every new flow goes to the monolith, whatever the flags say; flows under way and tokens of IAM
still go to IAM. Moves the brake at the control plane.

  --reason TEXT
      Why; shown to whoever asks.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const OPTIONS = { '--reason': { takes: 'value' }, ...ENVIRONMENT_OPTIONS } as const

const brakeSchema = z.object({
  environment: z.string(),
  on: z.boolean(),
  reason: z.string(),
  changed_by: z.string().nullable(),
  changed_at: z.string().nullable(),
})

/** `handover brake`: moves the brake or tells how it stands. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'brake', help: HELP, options: OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const [action, ...more] = line.words
  if (more.length > 0 || (action !== 'on' && action !== 'off' && action !== 'status')) {
    throw new UsageFault('say one of on, off, status')
  }
  const environment = environmentOf(line)
  const reason = line.values.get('--reason')?.[0] ?? ''
  if (action === 'status' && line.values.has('--reason')) throw new UsageFault('--reason goes with on or off')
  return async (ask) => {
    const json =
      action === 'status'
        ? await ask('GET', `/api/v1/brake?environment=${environment}`)
        : await ask('PUT', '/api/v1/brake', { environment, on: action === 'on', reason })
    return { json, lines: describe(brakeSchema.parse(json)) }
  }
}

function describe(brake: z.infer<typeof brakeSchema>): string[] {
  const why = brake.reason === '' ? '' : `: ${brake.reason}`
  const lines = [`the brake of ${brake.environment} is ${brake.on ? 'on' : 'off'}${why}`]
  if (brake.changed_at !== null) lines.push(`  since ${brake.changed_at}, by ${brake.changed_by ?? ''}`)
  return lines
}
