import { z } from 'zod'
import { applicationCredentialsSchema } from '../../../handoff/index.ts'
import { CONTROL_HELP, type ControlClient } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover credentials list [--oauth-application ID] [--environment NAME]

Lists the credentials from IAM that are still valid, as after a rollback: how many each application has, until when, and
whether the flag is on for it now. Refresh tokens do not expire on their own; 'handover credentials revoke' revokes them.

  --oauth-application ID
      Only this application, by id or client_id.
  --environment NAME
      The environment of the flag. Default: that of the control plane.
${CONTROL_HELP}`

const applicationSchema = z.object({
  environment: z.string(),
  as_of: z.string(),
  applications: z.array(applicationCredentialsSchema.extend({ id: z.int().nullable(), flag: z.string() })),
  next: z.int().nullable(),
})
type LiveCredentials = z.infer<typeof applicationSchema>

/** The valid credentials of one application, and the current value of its flag. */
export type ListedApplication = LiveCredentials['applications'][number]

/** `handover credentials list`: the credentials that are still valid. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const options = { '--oauth-application': { takes: 'value' }, ...ENVIRONMENT_OPTIONS } as const
  return runControlCommand({ name: 'tail', help: HELP, options, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  if (line.words.length > 0) throw new UsageFault('specify an application with --oauth-application')
  const application = line.values.get('--oauth-application')?.[0]
  const environment = givenEnvironmentOf(line)
  return async (ask) => {
    const tail = await readLiveCredentials(ask, { application, environment })
    const lines = tail.applications.flatMap(describeListed)
    return { json: tail, lines: lines.length > 0 ? lines : ['no valid credentials from IAM'] }
  }
}

/** Reads every page of the tail. */
export async function readLiveCredentials(
  ask: ControlClient,
  of: { readonly application: string | undefined; readonly environment: string | undefined },
): Promise<Omit<LiveCredentials, 'next'>> {
  const applications: ListedApplication[] = []
  for (let after = 0; ; ) {
    const query = new URLSearchParams({ after: String(after) })
    if (of.application !== undefined) query.set('application', of.application)
    if (of.environment !== undefined) query.set('environment', of.environment)
    const { next, ...page } = applicationSchema.parse(await ask('GET', `/api/v1/credentials?${query}`))
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

/** A name that is safe to print on a terminal. */
function shown(name: string): string {
  return name.replace(/\p{C}/gu, '?')
}

function short(time: string | null): string {
  return time === null ? '?' : `${time.slice(0, 19)}Z`
}
