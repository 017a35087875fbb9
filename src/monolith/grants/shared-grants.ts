import type { AuthorizationServer, Client, Grant, ResourceOwner } from '../../authorization-server/index.ts'
import { type GrantDocument, MOST_GRANTED_SCOPES } from '../../handoff/index.ts'
import type { Log } from '../../observability/index.ts'
import type { Database } from '../../storage/index.ts'
import type { IamClient } from '../iam-client/iam-client.ts'
import { type AuthorizedApplication, authorizedApplications } from './authorized-applications.ts'
import { rememberedGrants } from './iam-grants.ts'
import { startRevocations } from './revocations.ts'

/** A user's view of their grants. */
export interface GrantList {
  readonly applications: readonly AuthorizedApplication[]
  /** False: IAM did not answer, so its grants may be out of date. */
  readonly isCurrent: boolean
  /** The names of applications that the user has revoked and IAM has not confirmed yet. */
  readonly ending: readonly string[]
}

/** `pending`: revoked here; IAM revokes its part as soon as it answers. `unknown`: no such application. */
export type RevocationResult = 'revoked' | 'pending' | 'unknown'

/**
 * Users' grants on this server and on IAM combined: consent on either side counts on both, and a revocation applies to
 * both (ADR 18). Without IAM, only this server's.
 */
export interface SharedGrants {
  /** The scope texts of IAM's tokens, for `AuthorizationContext`; the last known ones while IAM does not answer. */
  grantedElsewhere(client: Client, owner: ResourceOwner): Promise<readonly string[]>
  /** The scope texts of this server's tokens, to report to IAM. */
  grantedHere(ownerId: string, clientId: string): Promise<readonly string[]>
  /**
   * Delivers the user's revocations to IAM before a new sign-in is reported to it; with `clientId`, those for one
   * application. False: IAM does not answer, and may have grants that are revoked.
   */
  settle(ownerId: string, clientId?: string): Promise<boolean>
  /** Records consent that the user has just given to an application on IAM. */
  consented(ownerId: string, grant: Pick<GrantDocument, 'client_id' | 'client_name' | 'scope'>): Promise<void>
  list(ownerId: string): Promise<GrantList>
  /** Revokes what the user has granted to the application with this id, on this server immediately. */
  revoke(ownerId: string, applicationId: number): Promise<{ readonly result: RevocationResult; readonly name: string }>
  stop(): Promise<void>
  /** For tests: forgets everything known of IAM. */
  reset(): Promise<void>
}

/** The longest that a page waits for IAM. */
const CALL_LIMIT_MS = 2_000
/** How long after a failed call no decision waits for another call. */
const PAUSE_MS = 5_000

/** Opens the grants over the protocol core's in the same database, and delivers revocations until stopped. */
export function sharedGrants(options: {
  readonly database: Database
  readonly schema: string
  readonly core: AuthorizationServer
  readonly iam: IamClient | undefined
  readonly log: Log
}): SharedGrants {
  const { database, schema, core, iam, log } = options
  const remembered = rememberedGrants(database, schema)
  const revocations = iam && startRevocations({ database, schema, iam, log })
  let pausedUntil = 0

  /** IAM's grants, or the remembered ones. */
  const theirs = async (ownerId: string, clientId?: string) => {
    const answer = await iam?.grants(ownerId, clientId, CALL_LIMIT_MS)
    if (answer?.kind === 'ok') {
      await remembered.replace(ownerId, clientId, answer.value)
      return { isCurrent: true, grants: answer.value }
    }
    if (answer?.kind === 'unavailable') {
      pausedUntil = performance.now() + PAUSE_MS
      log.warn({ reason: answer.reason }, 'grants: IAM did not answer')
    }
    return { isCurrent: answer?.kind === 'gone', grants: await remembered.list(ownerId, clientId) }
  }

  const list = async (ownerId: string): Promise<GrantList> => {
    const own = await core.grants.list(ownerId)
    if (!revocations) return { applications: authorizedApplications(own), isCurrent: true, ending: [] }
    const { isCurrent, grants } = await theirs(ownerId)
    const ending = await revocations.pending(ownerId)
    const ended = new Set(ending.map((one) => one.clientId))
    const valid = grants.filter((grant) => !ended.has(grant.client_id)).map(grantOf)
    const applications = authorizedApplications([...own, ...valid])
    return { applications, isCurrent, ending: ending.map((one) => one.clientName) }
  }

  const find = async (ownerId: string, id: number): Promise<{ clientId: string; name: string } | undefined> => {
    const application = await core.applications.findById(id)
    if (application) return { clientId: application.client_id, name: application.name }
    return (await list(ownerId)).applications.find((one) => one.id === id)
  }

  return {
    async grantedElsewhere({ clientId }, { id }) {
      if (!revocations || (await revocations.pending(id, clientId)).length > 0) return []
      const isPaused = performance.now() < pausedUntil
      const grants = isPaused ? await remembered.list(id, clientId) : (await theirs(id, clientId)).grants
      return grants.map((grant) => grant.scope)
    },
    async grantedHere(ownerId, clientId) {
      const grants = await core.grants.list(ownerId, clientId)
      return grants.slice(0, MOST_GRANTED_SCOPES).map((grant) => grant.scope)
    },
    settle: async (ownerId, clientId) => (await revocations?.settle(ownerId, clientId)) !== 'unavailable',
    consented: (ownerId, grant) => remembered.add(ownerId, grant),
    list,
    async revoke(ownerId, applicationId) {
      const application = await find(ownerId, applicationId)
      if (!application) return { result: 'unknown', name: '' }
      const { clientId, name: clientName } = application
      const revoked = await database.transaction(async (tx) => {
        await remembered.forget(ownerId, clientId, tx)
        await revocations?.request({ subject: ownerId, clientId, clientName }, tx)
        return core.grants.revoke(ownerId, clientId, tx)
      })
      const isSettled = (await revocations?.settle(ownerId, clientId)) ?? true
      const line = { event: 'oauth_application:revoke', client_id: clientId, application_id: applicationId, ...revoked }
      log.info({ ...line, at_iam: isSettled === true ? 'revoked' : isSettled }, 'grants: revoked by the user')
      return { result: isSettled === true ? 'revoked' : 'pending', name: clientName }
    },
    stop: async () => revocations?.stop(),
    async reset() {
      pausedUntil = 0
      await remembered.reset()
      await revocations?.reset()
    },
  }
}

function grantOf({ id, client_id, client_name, scope, created_at }: GrantDocument): Grant {
  return { id, clientId: client_id, name: client_name, scope, createdAt: new Date(created_at) }
}
