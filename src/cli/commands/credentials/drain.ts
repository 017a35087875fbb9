import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { applicationCredentialsSchema } from '../../../handoff/index.ts'
import { CONTROL_HELP, type ControlClient, RefusedError } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { describeLiving, readTail } from './tail.ts'

const HELP = `Usage: handover drain APPLICATION [--revoke [--confirm CLIENT_ID]] [--environment NAME]
       handover drain --all [--environment NAME]

Plans the end of what IAM issued to an application (by id or client_id): what expires by itself and when, what must be
revoked, what users will notice. --all plans it for every application whose flag is off.

  --revoke
      Revokes it all, after the client_id has been typed. Refused while the flag is on for the application.
  --confirm CLIENT_ID
      The client_id, for scripts that cannot type it.
  --environment NAME
      Must be that of the control plane, whose IAM is asked. Default: that one.
${CONTROL_HELP}`

const OPTIONS = {
  '--all': { takes: 'nothing' },
  '--revoke': { takes: 'nothing' },
  '--confirm': { takes: 'value' },
  ...ENVIRONMENT_OPTIONS,
} as const

const drainSchema = z.object({
  environment: z.string(),
  client_id: z.string(),
  may_revoke: z.boolean(),
  refusal: z.string().nullable(),
  credentials: applicationCredentialsSchema.nullable(),
  revoked: z.object({ tokens: z.int(), codes: z.int(), device_codes: z.int() }).nullable(),
  done: z.boolean(),
})
type Drain = z.infer<typeof drainSchema>

/** Batches in a row that may end nothing although something lives, because grants hold it at that moment. */
const MOST_IDLE_BATCHES = 10
const IDLE_WAIT_MS = 500

/** `handover drain`: plans and, confirmed, revokes. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'drain', help: HELP, options: OPTIONS, plan: (line) => plan(line, io) }, args, io)
}

function plan(line: CommandLine, io: CommandIo): ControlPlan {
  const [application, ...more] = line.words
  const isAll = line.switches.has('--all')
  const environment = givenEnvironmentOf(line)
  const confirm = line.values.get('--confirm')?.[0]
  const isRevoking = line.switches.has('--revoke')
  if (confirm !== undefined && !isRevoking) throw new UsageFault('--confirm goes with --revoke')
  if (isAll) {
    if (application !== undefined) throw new UsageFault('name one application or say --all, not both')
    if (isRevoking) throw new UsageFault('--revoke goes with one application, so that it can be confirmed')
    return (ask) => planAll(ask, environment)
  }
  if (application === undefined || more.length > 0) throw new UsageFault('name one application, or say --all')
  const body = { application, ...(environment === undefined ? {} : { environment }) }
  return async (ask) => {
    const planned = drainSchema.parse(await ask('POST', '/api/v1/drain', body))
    if (!isRevoking) return { json: planned, lines: describe(planned) }
    if (!planned.may_revoke) throw new RefusedError(planned.refusal ?? 'it may not be revoked')
    if (confirm === undefined) for (const text of describe(planned)) io.stderr.write(`${text}\n`)
    const typed = confirm ?? (await typedConfirmation(io, planned.client_id))
    if (typed !== planned.client_id) throw new RefusedError('that is not its client_id: nothing was revoked')
    const revoked = await revokeAll(ask, { ...body, application: planned.client_id, confirm: typed }, io)
    const { tokens, codes, device_codes: devices } = revoked
    const line = `revoked: ${tokens} tokens, ${codes} codes, ${devices} device codes; nothing of it lives any more`
    return { json: { client_id: planned.client_id, revoked, done: true }, lines: [line] }
  }
}

async function planAll(ask: ControlClient, environment: string | undefined): ReturnType<ControlPlan> {
  const { applications } = await readTail(ask, { application: undefined, environment })
  const left = applications.filter(({ flag }) => flag === 'off')
  const lines = left.flatMap((one) => [`${one.client_id}:`, ...describeLiving(one), ...advice(one)])
  const none = 'no application whose flag is off holds a credential of IAM'
  return { json: { applications: left }, lines: lines.length > 0 ? lines : [none] }
}

function describe(drain: Drain): string[] {
  if (!drain.credentials) return [`${drain.client_id}: no credential of IAM lives; there is nothing to drain`]
  const refusal = drain.refusal === null ? [] : [`  cannot be revoked now: ${drain.refusal}`]
  return [`${drain.client_id}:`, ...describeLiving(drain.credentials), ...advice(drain.credentials), ...refusal]
}

function advice(living: z.infer<typeof applicationCredentialsSchema>): string[] {
  if (living.refresh_tokens.count === 0) return ['  all of it expires by itself; nothing must be revoked']
  return [
    '  refresh tokens must be revoked, or live until their owners revoke them; each use makes a new pair at IAM',
    `  when revoked, the users behind ${living.refresh_tokens.families} grants authorize the application again, at the monolith`,
  ]
}

async function typedConfirmation(io: CommandIo, clientId: string): Promise<string> {
  if (io.stdout.isTTY !== true || io.stdin?.isTTY !== true) {
    throw new UsageFault('nobody is there to type the client_id: give it with --confirm')
  }
  const reader = createInterface({ input: io.stdin, output: process.stderr })
  try {
    return (await reader.question(`Type ${clientId} to revoke: `)).trim()
  } finally {
    reader.close()
  }
}

async function revokeAll(ask: ControlClient, body: object, io: CommandIo): Promise<NonNullable<Drain['revoked']>> {
  const total = { tokens: 0, codes: 0, device_codes: 0 }
  for (let idle = 0; idle < MOST_IDLE_BATCHES; ) {
    const { revoked, done } = drainSchema.parse(await ask('POST', '/api/v1/drain', body))
    for (const kind of ['tokens', 'codes', 'device_codes'] as const) total[kind] += revoked?.[kind] ?? 0
    if (done) return total
    io.stderr.write(
      `revoked so far: ${total.tokens} tokens, ${total.codes} codes, ${total.device_codes} device codes\n`,
    )
    const isIdle = revoked === null || revoked.tokens + revoked.codes + revoked.device_codes === 0
    idle = isIdle ? idle + 1 : 0
    if (isIdle) await sleep(IDLE_WAIT_MS)
  }
  throw new RefusedError(`some are in use at this moment; ${total.tokens} tokens were revoked: say it again`)
}
