import type { CredentialState } from './cause-table.ts'
import { FingerprintTable } from './fingerprint-table.ts'
import type { IssuedCredential, Observation } from './observation.ts'
import type { OutcomeSide } from './vocabulary.ts'

/** For a credential without a known end: one that is unused for this long is forgotten first. */
const UNBOUNDED_SECONDS = 90 * 86_400

const IAM = 1
const USED = 2

/** By whom, to whom and when a credential was issued; `at` in milliseconds since the epoch. */
type Issue = Pick<Observation, 'applicationId' | 'side' | 'at'>

/** Which credentials were seen issued, and which of them were used up. Holds 64 bits of a keyed hash of each; bounded. */
export class CredentialMemory {
  readonly #table: FingerprintTable

  /** @param capacity maximum number of credentials that are remembered */
  constructor(capacity: number) {
    this.#table = new FingerprintTable(capacity)
  }

  /** Returns the application that a credential was issued to, if its issue was seen. */
  owner(hash: string): number | undefined {
    return this.#table.get(hash, 0)?.owner
  }

  /** Notes that a side has issued a credential. */
  issued({ applicationId, side, at }: Issue, { hash, lifetime }: IssuedCredential): void {
    const until = at / 1_000 + (lifetime > 0 ? lifetime : UNBOUNDED_SECONDS)
    this.#table.set(hash, 0, until, [side === 'iam' ? IAM : 0, applicationId])
  }

  /** Notes that a credential was used up or revoked, or may have been. */
  used(hash: string): void {
    const known = this.#table.get(hash, 0)
    if (known) this.#table.set(hash, 0, known.until, [known.note | USED, known.owner])
  }

  /** Returns the state of a credential that is presented to a side; `at` in milliseconds since the epoch. */
  state(hash: string | undefined, side: OutcomeSide, at: number): CredentialState {
    const known = hash === undefined ? undefined : this.#table.get(hash, 0)
    if (known === undefined) return 'unknown'
    if ((known.note & USED) !== 0) return 'used'
    if (known.until * 1_000 < at) return 'expired'
    return ((known.note & IAM) !== 0) === (side === 'iam') ? 'live' : 'foreign'
  }
}
