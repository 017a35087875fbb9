import { z } from 'zod'
import { CallError, call } from '../../http/index.ts'
import { CONTROL_HELP, httpAddress, REASON_OPTIONS, RefusedError } from '../client/control-client.ts'
import { type ControlPlan, type LonePlan, runControlCommand } from '../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from '../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'

const HELP = `Usage: handover brake on|off|status [--reason TEXT]

While the brake is on, every new flow goes to the monolith, regardless of the flags; flows in progress and IAM tokens
still go to IAM. Sets the brake at the control plane, or directly at gateways if the control plane is down.

  --reason TEXT
      The reason, which 'brake status' shows. Only with the control plane.
  --change-issue URL
      The change issue. Releasing the brake may require both; setting it never does.
  --gateway URL
      The admin port of a gateway to use instead of the control plane; may be repeated. A gateway loses a brake set
      this way when it restarts; the brake file survives a restart.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const OPTIONS = { ...REASON_OPTIONS, '--gateway': { takes: 'values' }, ...ENVIRONMENT_OPTIONS } as const

/** Time limit for the response of a gateway. */
const GATEWAY_LIMIT_MS = 5_000

const brakeSchema = z.object({
  environment: z.string(),
  on: z.boolean(),
  reason: z.string(),
  changed_by: z.string().nullable(),
  changed_at: z.string().nullable(),
})

const gatewayBrakeSchema = z.object({ brake: z.enum(['on', 'off']), held_by: z.array(z.string()) })

/** `handover brake`: sets the brake or shows its state. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'brake', help: HELP, options: OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan | LonePlan {
  const [action, ...more] = line.words
  if (more.length > 0 || (action !== 'on' && action !== 'off' && action !== 'status')) {
    throw new UsageFault('specify one of on, off, status')
  }
  const environment = environmentOf(line)
  const reason = line.values.get('--reason')?.[0] ?? ''
  const why = Object.keys(REASON_OPTIONS).find((option) => line.values.has(option))
  if (action === 'status' && why !== undefined) throw new UsageFault(`${why} is only valid with on or off`)
  const gateways = line.values.get('--gateway') ?? []
  if (gateways.length > 0) {
    if (why !== undefined) throw new UsageFault(`${why} is not valid with --gateway, only with the control plane`)
    const addresses = gateways.map((text) => httpAddress("the gateway's admin port", text))
    return { alone: () => atGateways(addresses, action) }
  }
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

/** Calls every gateway, even if others fail; rejects with the ones that failed. */
async function atGateways(
  urls: readonly string[],
  action: 'on' | 'off' | 'status',
): Promise<{ readonly json: unknown; readonly lines: readonly string[] }> {
  const asked = await Promise.all(urls.map((url) => atGateway(url, action)))
  const failed = asked.flatMap((one) => ('why' in one ? [`${one.gateway} ${one.why}`] : []))
  const lines = asked.flatMap((one) => ('why' in one ? [] : [describeGateway(one)]))
  if (failed.length > 0) throw new RefusedError([...failed, ...lines].join('; '))
  return { json: asked, lines }
}

type GatewayBrake = { readonly gateway: string } & z.infer<typeof gatewayBrakeSchema>

async function atGateway(
  gateway: string,
  action: 'on' | 'off' | 'status',
): Promise<GatewayBrake | { readonly gateway: string; readonly why: string }> {
  const url = `${gateway}/brake`
  try {
    const answer = await call(
      action === 'status'
        ? { method: 'GET', url, timeoutMs: GATEWAY_LIMIT_MS }
        : { method: 'PUT', url, json: action, timeoutMs: GATEWAY_LIMIT_MS },
    )
    const read = gatewayBrakeSchema.safeParse(answer.json)
    if (answer.status === 200 && read.success) return { gateway, ...read.data }
    return { gateway, why: `answers ${answer.status}, which is not the response of a gateway admin port` }
  } catch (error) {
    if (error instanceof CallError) return { gateway, why: `does not answer: ${error.message}` }
    throw error
  }
}

function describeGateway({ gateway, brake, held_by }: GatewayBrake): string {
  return `the brake of ${gateway} is ${brake}${held_by.length === 0 ? '' : `, held by ${held_by.join(', ')}`}`
}
