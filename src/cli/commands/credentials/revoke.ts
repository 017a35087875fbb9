import { createInterface } from 'node:readline/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { applicationCredentialsSchema } from '../../../handoff/index.ts'
import { type ControlClient, RefusedError } from '../../client/control-client.ts'
import type { ControlPlan } from '../../client/control-command.ts'
import { UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { describeCredentials, revocationAdvice } from './list.ts'

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

/** The application to revoke, and whether the caller has confirmed it already. */
export interface RevocationRequest {
  /** Its id or client_id. */
  readonly application: string
  readonly environment: string | undefined
  /** The client_id; undefined to ask for it at the terminal. */
  readonly confirm: string | undefined
  readonly isDryRun: boolean
}

/** `handover credentials revoke`: revokes all valid credentials of an application, once its client_id is confirmed. */
export function revokeCredentials(request: RevocationRequest, io: CommandIo): ControlPlan {
  const { application, environment, confirm, isDryRun } = request
  const body = { application, ...(environment === undefined ? {} : { environment }) }
  return async (ask) => {
    const planned = revocationSchema.parse(await ask('POST', '/api/v1/credentials/revoke', body))
    if (isDryRun) return { json: planned, lines: describe(planned) }
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

function describe(planned: Revocation): string[] {
  if (!planned.credentials) return [`${planned.client_id}: no valid credentials from IAM; nothing to revoke`]
  const refusal = planned.refusal === null ? [] : [`  cannot be revoked now: ${planned.refusal}`]
  return [
    `${planned.client_id}:`,
    ...describeCredentials(planned.credentials),
    ...revocationAdvice(planned.credentials),
    ...refusal,
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
