import type { SigningKeyChange } from '../../authorization-server/index.ts'
import type { Log } from '../../observability/index.ts'

/** Logs changes of signing keys: which, what and when, never the key. Changes that require action are warnings. */
export function createKeyLog(log: Log): (change: SigningKeyChange) => void {
  return ({ change, kid, algorithm, signsFrom }) => {
    const line = {
      event: 'signing_key',
      change,
      kid,
      alg: algorithm,
      signs_from: signsFrom === null ? null : new Date(signsFrom).toISOString(),
    }
    log[change === 'unusable' || change === 'withdrawn' ? 'warn' : 'info'](line, 'signing key')
  }
}
