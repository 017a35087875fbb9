import { z } from 'zod'
import { OUTCOME_KINDS, OUTCOME_SIDES } from '../../../outcomes/index.ts'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover probe [--oauth-application=ID|CLIENT_ID] [--side rails|iam]

Runs one flow of each kind through the gateway with the twin that stands for an application: sign-in, device, refresh,
client credentials, password, introspection, revocation, userinfo. Prints one line for each flow, with the step that
failed. The exit code is 0 if all of them succeeded, and 1 otherwise.

  --oauth-application ID|CLIENT_ID
      The application whose twin is probed; a twin stands for itself. Default: every twin that is probed on schedule.
  --side rails|iam
      The side that must serve the flows. Default: the side that the flag says for the application.
  --kind KIND
      Only this kind of flow (${OUTCOME_KINDS.join(', ')}); may be repeated.
  --faults
      Also try what happens to a client that loses the response to a refresh, is redirected, or is over its limit.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const OPTIONS = {
  '--oauth-application': { takes: 'value' },
  '--side': { takes: 'value' },
  '--kind': { takes: 'values' },
  '--faults': { takes: 'nothing' },
  ...ENVIRONMENT_OPTIONS,
} as const

/** A run of several twins, each with several flows and time limits. */
const LIMIT_MS = 10 * 60_000

const resultSchema = z.object({
  kind: z.string(),
  verdict: z.enum(['succeeded', 'failed', 'not_tried']),
  failed_at: z.string().nullable(),
  status: z.int().nullable(),
  error: z.string().nullable(),
  side: z.string().nullable(),
  reason: z.string().nullable(),
  request_id: z.string().nullable(),
  duration_ms: z.number(),
})
const answerSchema = z.object({
  succeeded: z.boolean(),
  probes: z.array(
    z.object({
      twin: z.string(),
      twin_application_id: z.int(),
      application_id: z.int().nullable(),
      side: z.string().nullable(),
      results: z.array(resultSchema),
      faults: z.array(z.object({ fault: z.string(), verdict: z.enum(['succeeded', 'failed']), observed: z.string() })),
    }),
  ),
})
type Result = z.infer<typeof resultSchema>

/** `handover probe`: proves that each kind of flow works on a side. Exit code 1 if one does not. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'probe', help: HELP, options: OPTIONS, timeoutMs: LIMIT_MS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  if (line.words.length > 0) throw new UsageFault('probe takes no arguments; use --oauth-application')
  const side = line.values.get('--side')?.[0]
  if (side !== undefined && !OUTCOME_SIDES.some((one) => one === side))
    throw new UsageFault('--side must be rails or iam')
  const kinds = line.values.get('--kind')
  const unknown = kinds?.find((kind) => !OUTCOME_KINDS.some((one) => one === kind))
  if (unknown !== undefined) throw new UsageFault(`--kind must be one of ${OUTCOME_KINDS.join(', ')}`)
  const environment = givenEnvironmentOf(line)
  const application = line.values.get('--oauth-application')?.[0]
  const body = {
    ...(environment !== undefined && { environment }),
    ...(application !== undefined && { oauth_application: application }),
    ...(side !== undefined && { side }),
    ...(kinds !== undefined && { kinds }),
    faults: line.switches.has('--faults'),
  }
  return async (ask) => {
    const json = await ask('POST', '/api/v1/probes', body)
    const { succeeded, probes } = answerSchema.parse(json)
    const lines = probes.flatMap((probe) => [
      `twin ${probe.twin} (application ${probe.twin_application_id})${probe.side === null ? '' : ` on ${probe.side}`}`,
      ...probe.results.map(inWords),
      ...probe.faults.map(({ fault, verdict, observed }) => `  ${fault}  ${verdict}: ${observed}`),
    ])
    return { json, lines: [...lines, succeeded ? 'all succeeded' : 'not all succeeded'], exitCode: succeeded ? 0 : 1 }
  }
}

function inWords({ kind, verdict, failed_at, status, error, side, reason, request_id, duration_ms }: Result): string {
  if (verdict === 'not_tried') return `  ${kind}  not tried, because ${failed_at ?? 'an earlier flow'} failed`
  const served = side === null ? '' : `, served by ${side}${reason === null ? '' : ` (${reason})`}`
  if (verdict === 'succeeded') return `  ${kind}  succeeded${served}, ${Math.round(duration_ms)} ms`
  const answer = status === null ? '' : ` (${status})`
  const request = request_id === null ? '' : `, request ${request_id}`
  return `  ${kind}  failed at ${failed_at ?? 'the start'}: ${error ?? 'unknown'}${answer}${served}${request}`
}
