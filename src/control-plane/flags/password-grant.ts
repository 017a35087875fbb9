import { applicationInWords, presetPolicy } from '../../applications/index.ts'
import type { Environment } from '../../flags/index.ts'
import type { IamGrants } from '../iam-state/iam-grants.ts'
import { passwordUsers } from '../outcomes/used-grants.ts'
import type { KnownApplication } from '../state/application-writes.ts'
import type { ApplicationRecord } from '../state/model.ts'
import type { Store } from '../state/store.ts'
import { firstOf } from './notes.ts'

/** Whether an application may use the password grant, according to its registration; most do not say. */
type PasswordUse = 'allowed' | 'refused' | 'unknown'

/** Whether the monolith has granted its requests with a password, according to its traffic; unknown without traffic. */
export type PasswordSeen = 'yes' | 'no' | 'unknown'

/** The dependencies of the warnings. */
export interface WarningSources {
  readonly store: Store
  readonly iamGrants: IamGrants
  /** The environment whose IAM `iamGrants` queries. */
  readonly environment: Environment
}

/** Reads the policy with which an application was registered. */
export function passwordUse(policy: KnownApplication['policy']): PasswordUse {
  const preset = policy?.preset === undefined ? undefined : presetPolicy(policy.preset).password_grant
  const rule = policy?.password_grant ?? preset
  return rule === undefined ? 'unknown' : rule === 'accept' ? 'allowed' : 'refused'
}

/** Whether IAM can serve the password grant. */
export function passwordServed(grantTypes: readonly string[] | undefined): 'yes' | 'no' | 'unknown' {
  if (grantTypes === undefined) return 'unknown'
  return grantTypes.includes('password') ? 'yes' : 'no'
}

/** Whether an application uses the password grant, according to its traffic in an environment. */
export async function passwordSeen(store: Store, environment: Environment, id: number): Promise<PasswordSeen> {
  return seenOf((await passwordUsers(store, environment, [id])).get(id))
}

function seenOf(used: boolean | undefined): PasswordSeen {
  return used === undefined ? 'unknown' : used ? 'yes' : 'no'
}

/**
 * Warns of a change that moves applications to an IAM that cannot serve the password grant: one sentence for those
 * that use it according to their traffic, one for the others that are registered for it, and one for those of which
 * neither says anything. Empty if IAM can serve it or does not say.
 */
export async function passwordWarnings(
  { store, iamGrants, environment: own }: WarningSources,
  environment: Environment,
  toIam: readonly ApplicationRecord[],
): Promise<string[]> {
  if (toIam.length === 0 || environment !== own) return []
  if (passwordServed(await iamGrants.current()) !== 'no') return []
  const ids = toIam.map(({ id }) => id)
  const [rows, users] = await Promise.all([
    store.database.query<{ id: number; policy: KnownApplication['policy'] }>(
      `select id, document -> 'policy' as policy from ${store.schema}.applications
        where id = any($1::bigint[]) and document ? 'policy'`,
      [ids],
    ),
    passwordUsers(store, environment, ids),
  ])
  const policies = new Map(rows.map(({ id, policy }) => [id, policy]))
  return warningsInWords(
    toIam.map((application) => ({
      application,
      risk: passwordRisk(passwordUse(policies.get(application.id)), seenOf(users.get(application.id))),
    })),
  )
}

/** What a move to an IAM without the password grant ends for an application. */
type PasswordRisk = 'used' | 'allowed' | 'unknown' | 'none'

/** Weighs registration and traffic: traffic decides, except that a registered use may be too rare to have been seen. */
export function passwordRisk(registered: PasswordUse, seen: PasswordSeen): PasswordRisk {
  if (registered === 'refused') return 'none'
  if (seen === 'yes') return 'used'
  if (registered === 'allowed') return 'allowed'
  return seen === 'no' ? 'none' : 'unknown'
}

const WHY = 'IAM cannot serve the password grant, because it runs without --resource-owner-url'

function warningsInWords(
  moved: ReadonlyArray<{ readonly application: ApplicationRecord; readonly risk: PasswordRisk }>,
): string[] {
  const sentence = (wanted: PasswordRisk, inWords: (names: string, isOne: boolean) => string) => {
    const shown = moved.filter(({ risk }) => risk === wanted).map(({ application }) => applicationInWords(application))
    const isOne = shown.length === 1
    const names = `${isOne ? 'application' : 'applications'} ${firstOf(shown)}`
    return shown.length === 0 ? [] : [`${WHY}; ${inWords(names, isOne)}`]
  }
  return [
    ...sentence('used', (names, isOne) => `${names} ${isOne ? 'uses' : 'use'} it and would be refused`),
    ...sentence('allowed', (names) => `${names} may use it and would be refused`),
    ...sentence('unknown', (names, isOne) => `whether ${names} ${isOne ? 'uses' : 'use'} it is unknown`),
  ]
}
