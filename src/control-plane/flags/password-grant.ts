import { applicationInWords, presetPolicy } from '../../applications/index.ts'
import type { Environment } from '../../flags/index.ts'
import type { IamGrants } from '../iam-state/iam-grants.ts'
import type { KnownApplication } from '../state/application-writes.ts'
import type { ApplicationRecord } from '../state/model.ts'
import type { Store } from '../state/store.ts'
import { firstOf } from './notes.ts'

/** Whether an application may use the password grant, according to its registration; most do not say. */
type PasswordUse = 'allowed' | 'refused' | 'unknown'

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

/**
 * Warns of a change that moves applications to an IAM that cannot serve the password grant: one sentence for those that
 * are registered for it, and one for those whose registration does not say. Empty if IAM can serve it or does not say.
 */
export async function passwordWarnings(
  { store, iamGrants, environment: own }: WarningSources,
  environment: Environment,
  toIam: readonly ApplicationRecord[],
): Promise<string[]> {
  if (toIam.length === 0 || environment !== own) return []
  if (passwordServed(await iamGrants.current()) !== 'no') return []
  const rows = await store.database.query<{ id: number; policy: KnownApplication['policy'] }>(
    `select id, document -> 'policy' as policy from ${store.schema}.applications
      where id = any($1::bigint[]) and document ? 'policy'`,
    [toIam.map(({ id }) => id)],
  )
  const policies = new Map(rows.map(({ id, policy }) => [id, policy]))
  return warningsInWords(toIam.map((application) => ({ application, use: passwordUse(policies.get(application.id)) })))
}

const WHY = 'IAM cannot serve the password grant, because it runs without --resource-owner-url'

function warningsInWords(
  moved: ReadonlyArray<{ readonly application: ApplicationRecord; readonly use: PasswordUse }>,
): string[] {
  const shown = (wanted: PasswordUse) =>
    moved.filter(({ use }) => use === wanted).map(({ application }) => applicationInWords(application))
  const [allowed, unknown] = [shown('allowed'), shown('unknown')]
  const noun = (some: readonly string[]) => (some.length === 1 ? 'application' : 'applications')
  return [
    ...(allowed.length > 0 ? [`${WHY}; ${noun(allowed)} ${firstOf(allowed)} may use it and would be refused`] : []),
    ...(unknown.length > 0
      ? [`${WHY}; whether ${noun(unknown)} ${firstOf(unknown)} ${unknown.length === 1 ? 'uses' : 'use'} it is unknown`]
      : []),
  ]
}
