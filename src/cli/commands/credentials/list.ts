import { z } from 'zod'
import { applicationCredentialsSchema } from '../../../handoff/index.ts'
import type { ControlClient } from '../../client/control-client.ts'
import type { ControlPlan } from '../../client/control-command.ts'

const pageSchema = z.object({
  environment: z.string(),
  as_of: z.string(),
  applications: z.array(applicationCredentialsSchema.extend({ id: z.int().nullable(), flag: z.string() })),
  next: z.int().nullable(),
})
type LiveCredentials = z.infer<typeof pageSchema>

/** The valid credentials of one application, and the current value of its flag. */
type ListedApplication = LiveCredentials['applications'][number]

/** What to list: one application, all, or those whose flag is off with advice about revocation. */
export interface ListRequest {
  readonly application: string | undefined
  readonly environment: string | undefined
  readonly onlyFlagOff: boolean
}

/** `handover credentials list`: the credentials that are still valid, by application. */
export function listCredentials({ onlyFlagOff, ...of }: ListRequest): ControlPlan {
  return async (ask) => {
    const found = await readLiveCredentials(ask, of)
    const applications = onlyFlagOff ? found.applications.filter(({ flag }) => flag === 'off') : found.applications
    const lines = applications.flatMap((one) => [...describeListed(one), ...(onlyFlagOff ? revocationAdvice(one) : [])])
    const none = `no ${onlyFlagOff ? 'application whose flag is off has ' : ''}valid credentials from IAM`
    return { json: { ...found, applications }, lines: lines.length > 0 ? lines : [none] }
  }
}

/** Reads every page of the list. */
async function readLiveCredentials(
  ask: ControlClient,
  of: Omit<ListRequest, 'onlyFlagOff'>,
): Promise<Omit<LiveCredentials, 'next'>> {
  const applications: ListedApplication[] = []
  for (let after = 0; ; ) {
    const query = new URLSearchParams({ after: String(after) })
    if (of.application !== undefined) query.set('application', of.application)
    if (of.environment !== undefined) query.set('environment', of.environment)
    const { next, ...page } = pageSchema.parse(await ask('GET', `/api/v1/credentials?${query}`))
    applications.push(...page.applications)
    if (next === null || next <= after) return { ...page, applications }
    after = next
  }
}

function describeListed(one: ListedApplication): string[] {
  const who = `${one.id ?? '-'}  ${shown(one.name)}  ${one.client_id}`
  const flag = one.flag === 'unknown_application' ? 'unknown to the control plane' : `flag ${one.flag}`
  return [`${who}  (${flag}${one.flag === 'off' ? ': new flows go to the monolith' : ''})`, ...describeCredentials(one)]
}

/** The valid credentials of an application, one line per kind, with their expiry. */
export function describeCredentials(one: z.infer<typeof applicationCredentialsSchema>): string[] {
  const kinds = [
    ['access tokens', one.access_tokens],
    ['codes', one.codes],
    ['device codes', one.device_codes],
  ] as const
  const lines = kinds
    .filter(([, credentials]) => credentials.count > 0)
    .map(
      ([kind, { count, earliest_expiry: first, latest_expiry: last }]) =>
        `  ${kind}: ${count}, expire from ${short(first)} to ${short(last)}`,
    )
  const { count, families } = one.refresh_tokens
  if (count > 0) lines.push(`  refresh tokens: ${count} of ${families} grants, do not expire on their own`)
  return lines
}

/** What must be revoked, and what users will notice. */
export function revocationAdvice(credentials: z.infer<typeof applicationCredentialsSchema>): string[] {
  if (credentials.refresh_tokens.count === 0) return ['  everything expires on its own; nothing must be revoked']
  return [
    '  refresh tokens remain valid until they are revoked; each use issues a new pair at IAM',
    `  after revocation, the users of ${credentials.refresh_tokens.families} grants must authorize the application again, at the monolith`,
  ]
}

/** A name that is safe to print on a terminal. */
function shown(name: string): string {
  return name.replace(/\p{C}/gu, '?')
}

function short(time: string | null): string {
  return time === null ? '?' : `${time.slice(0, 19)}Z`
}
