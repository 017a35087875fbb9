import { z } from 'zod'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover gateways [--environment NAME]

Lists the gateways that are connected to the control plane, or were until a few minutes ago, with their state.

  --environment NAME
      Only the gateways of this environment. Default: all.
${CONTROL_HELP}`

/** The fields of a gateway that commands show. */
export const gatewaySchema = z.object({
  name: z.string().nullable(),
  instance: z.string(),
  version: z.string().nullable(),
  environment: z.string(),
  connected: z.boolean(),
  heard_at: z.string(),
  snapshot_version: z.int().nullable(),
  behind_ms: z.number().nullable(),
  iam_circuit_open: z.boolean().nullable(),
  application_circuits_open: z.array(z.int()).nullish(),
  brake_on: z.boolean().nullable(),
})
type Gateway = z.infer<typeof gatewaySchema>
const gatewaysSchema = z.object({ version: z.int(), gateways: z.array(gatewaySchema) })

/** `handover gateways`: lists gateways. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'gateways', help: HELP, options: ENVIRONMENT_OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  if (line.words.length > 0) throw new UsageFault('gateways takes no arguments')
  const environment = givenEnvironmentOf(line)
  const query = environment === undefined ? '' : `?environment=${environment}`
  return async (ask) => {
    const json = await ask('GET', `/api/v1/gateways${query}`)
    const { version, gateways } = gatewaysSchema.parse(json)
    const lines = gateways.map(gatewayInWords)
    return { json, lines: [`version ${version}`, ...(lines.length > 0 ? lines : ['no gateways'])] }
  }
}

/** A gateway on one line: its identity, its lag and its problems. */
export function gatewayInWords(gateway: Gateway): string {
  const { behind_ms: behind, snapshot_version: holds } = gateway
  const open = gateway.application_circuits_open ?? []
  const lag = behind === null ? 'does not report' : behind === 0 ? 'up to date' : `${Math.round(behind)} ms behind`
  const marks = [
    ...(gateway.connected ? [] : [`disconnected, last seen ${gateway.heard_at}`]),
    ...(gateway.iam_circuit_open === true ? ["IAM's circuit is open"] : []),
    ...(open.length > 0 ? [`the circuits of applications ${open.join(', ')} are open`] : []),
    ...(gateway.brake_on === true ? ['its own brake is on'] : []),
  ]
  const name = `${gateway.name ?? 'unnamed'} (${gateway.instance.slice(0, 8)})`
  const held = holds === null ? '' : `, version ${holds}`
  return `${gateway.environment}  ${name}  handover ${gateway.version ?? 'unknown'}  ${lag}${held}${marks.map((mark) => `; ${mark}`).join('')}`
}
