import type { Environment } from '../../flags/index.ts'

/** Why the credentials of an application are not revoked. */
export interface RevocationRefusal {
  readonly code: 'invalid_request' | 'change_refused'
  readonly why: string
}

/**
 * Decides whether the live credentials of an application may be revoked: not while they are in use, not by mistake, and
 * not for an environment with another IAM. Without `confirm` it decides as if confirmed. Undefined means that they may.
 */
export function refuseRevocation(asked: {
  readonly clientId: string
  readonly environment: Environment
  /** The environment whose IAM would be queried. */
  readonly ownEnvironment: Environment
  readonly isFlagOn: boolean
  readonly confirm: string | undefined
}): RevocationRefusal | undefined {
  const { clientId, environment, ownEnvironment, isFlagOn, confirm } = asked
  if (environment !== ownEnvironment) {
    const why = `the IAM of this control plane is that of ${ownEnvironment}, not of ${environment}`
    return { code: 'change_refused', why }
  }
  if (isFlagOn) {
    const why = `the flag is on for ${clientId} in ${environment}: its credentials are in use; set the flag off first`
    return { code: 'change_refused', why }
  }
  if (confirm !== undefined && confirm !== clientId) {
    return { code: 'invalid_request', why: 'confirm: must repeat the client_id' }
  }
  return undefined
}
