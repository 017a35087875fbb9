import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { applicationCredentialsSchema } from '../../../handoff/index.ts'
import { CONTROL_HELP, type ControlClient, RefusedError } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { describeCredentials, readLiveCredentials } from './list.ts'

const HELP = `Usage: handover credentials revoke APPLICATION [--revoke [--confirm CLIENT_ID]] [--environment NAME]
       handover credentials revoke --all [--environment NAME]

Shows the remaining credentials that IAM issued to an application (by id or client_id): what expires on its own and
when, what must be revoked, and what users will notice. --all covers every application whose flag is off.

  --revoke
      Revoke all of them, after you type the client_id. Refused while the flag is on for the application.
  --confirm CLIENT_ID
      The client_id, for scripts, which cannot type it.
  --environment NAME
      Must be the environment of the control plane, because its IAM is queried. Default: that environment.
${CONTROL_HELP}`

const OPTIONS = {
  '--all': { takes: 'nothing' },
  '--revoke': { takes: 'nothing' },
  '--confirm': { takes: 'value' },
  ...ENVIRONMENT_OPTIONS,
} as const

const revocationSchema = z.object({
  environment: z.string(),
  client_id: z.string(),
  may_revoke: z.boolean(),
  refusal: z.string().nullable(),
  credentials: applicationCredentialsSchema.nullable(),
  revoked: z.object({ tokens: z.int(), codes: z.int(), device_codes: z.int() }).nullable(),
  done: z.boolean(),
})
type Revocation = z.infer<typeof revocationSchema>

/** Maximum number of consecutive batches that revoke nothing because grants in use hold locks on what remains. */
const MOST_IDLE_BATCHES = 10
const IDLE_WAIT_MS = 500

/** `handover credentials revoke`: shows and, when confirmed, revokes credentials. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'drain', help: HELP, options: OPTIONS, plan: (line) => plan(line, io) }, args, io)
}

function plan(line: CommandLine, io: CommandIo): ControlPlan {
  const [application, ...more] = line.words
  const isAll = line.switches.has('--all')
  const environment = givenEnvironmentOf(line)
  const confirm = line.values.get('--confirm')?.[0]
  const isRevoking = line.switches.has('--revoke')
  if (confirm !== undefined && !isRevoking) throw new UsageFault('--confirm is only valid with --revoke')
  if (isAll) {
    if (application !== undefined) throw new UsageFault('specify one application or --all, not both')
    if (isRevoking) throw new UsageFault('--revoke requires a single application, so that it can be confirmed')
    return (ask) => planAll(ask, environment)
  }
  if (application === undefined || more.length > 0) throw new UsageFault('specify one application, or --all')
  const body = { application, ...(environment === undefined ? {} : { environment }) }
  return async (ask) => {
    const planned = revocationSchema.parse(await ask('POST', '/api/v1/credentials/revoke', body))
    if (!isRevoking) return { json: planned, lines: describe(planned) }
    if (!planned.may_revoke) throw new RefusedError(planned.refusal ?? 'it cannot be revoked')
    if (confirm === undefined) for (const text of describe(planned)) io.stderr.write(`${text}\n`)
    const typed = confirm ?? (await typedConfirmation(io, planned.client_id))
    if (typed !== planned.client_id) throw new RefusedError('the client_id does not match; nothing was revoked')
    const revoked = await revokeAll(ask, { ...body, application: planned.client_id, confirm: typed }, io)
    const { tokens, codes, device_codes: devices } = revoked
    const line = `revoked: ${tokens} tokens, ${codes} codes, ${devices} device codes; no valid credential remains`
    return { json: { client_id: planned.client_id, revoked, done: true }, lines: [line] }
  }
}

async function planAll(ask: ControlClient, environment: string | undefined): ReturnType<ControlPlan> {
  const { applications } = await readLiveCredentials(ask, { application: undefined, environment })
  const left = applications.filter(({ flag }) => flag === 'off')
  const lines = left.flatMap((one) => [`${one.client_id}:`, ...describeCredentials(one), ...advice(one)])
  const none = 'no application whose flag is off has valid credentials from IAM'
  return { json: { applications: left }, lines: lines.length > 0 ? lines : [none] }
}

function describe(planned: Revocation): string[] {
  if (!planned.credentials) return [`${planned.client_id}: no valid credentials from IAM; nothing to revoke`]
  const refusal = planned.refusal === null ? [] : [`  cannot be revoked now: ${planned.refusal}`]
  return [
    `${planned.client_id}:`,
    ...describeCredentials(planned.credentials),
    ...advice(planned.credentials),
    ...refusal,
  ]
}

function advice(credentials: z.infer<typeof applicationCredentialsSchema>): string[] {
  if (credentials.refresh_tokens.count === 0) return ['  everything expires on its own; nothing must be revoked']
  return [
    '  refresh tokens remain valid until they are revoked; each use issues a new pair at IAM',
    `  after revocation, the users of ${credentials.refresh_tokens.families} grants must authorize the application again, at the monolith`,
  ]
}

async function typedConfirmation(io: CommandIo, clientId: string): Promise<string> {
  if (io.stdout.isTTY !== true || io.stdin?.isTTY !== true) {
    throw new UsageFault('not a terminal: specify the client_id with --confirm')
  }
  const reader = createInterface({ input: io.stdin, output: process.stderr })
  try {
    return (await reader.question(`Type ${clientId} to revoke: `)).trim()
  } finally {
    reader.close()
  }
}

async function revokeAll(ask: ControlClient, body: object, io: CommandIo): Promise<NonNullable<Revocation['revoked']>> {
  const total = { tokens: 0, codes: 0, device_codes: 0 }
  for (let idle = 0; idle < MOST_IDLE_BATCHES; ) {
    const { revoked, done } = revocationSchema.parse(await ask('POST', '/api/v1/credentials/revoke', body))
    for (const kind of ['tokens', 'codes', 'device_codes'] as const) total[kind] += revoked?.[kind] ?? 0
    if (done) return total
    io.stderr.write(
      `revoked so far: ${total.tokens} tokens, ${total.codes} codes, ${total.device_codes} device codes\n`,
    )
    const isIdle = revoked === null || revoked.tokens + revoked.codes + revoked.device_codes === 0
    idle = isIdle ? idle + 1 : 0
    if (isIdle) await sleep(IDLE_WAIT_MS)
  }
  throw new RefusedError(`some credentials are in use; ${total.tokens} tokens were revoked. Run the command again`)
}
