import { hash } from 'node:crypto'
import { IAM_PREFIXES } from '../../credentials/index.ts'
import type { Log } from '../../observability/index.ts'
import { type CredentialMarks, type Destination, issuerByMark } from '../../routing/index.ts'
import type { Issued } from './issued.ts'
import { IssuerTable } from './issuer-table.ts'
import type { SharedLedger } from './shared-ledger.ts'

/** Settings of a ledger. */
export interface LedgerOptions {
  /** Keys the hashes; the same for all gateways that share a ledger. */
  readonly key: Uint8Array
  readonly marks: CredentialMarks
  /** IAM issues credentials without marks; remembering them is then not an alarm. */
  readonly isIamUnmarked: boolean
  /** Maximum number of entries in memory. */
  readonly capacity: number
  readonly shared: SharedLedger | undefined
  readonly log: Log
}

const ALARM_EVERY_MS = 60_000

/**
 * Knows the issuer of credentials with a missing or wrong mark, because it saw them being issued. Credentials with a
 * correct mark are not stored. A credential is stored as a keyed hash for its lifetime.
 */
export class CredentialLedger {
  readonly #options: LedgerOptions
  readonly #table: IssuerTable
  readonly #salt: string
  readonly #marks: readonly string[]
  readonly #drift = { legacy: 0, iam: 0 }
  #alarmedAt = Number.NEGATIVE_INFINITY

  constructor(options: LedgerOptions) {
    this.#options = options
    this.#table = new IssuerTable(options.capacity)
    this.#salt = Buffer.from(options.key).toString('base64')
    const { extraIamPrefixes, iamJwtIssuer } = options.marks
    // A JWT begins with the base64 of `{"`.
    this.#marks = [...Object.values(IAM_PREFIXES), ...extraIamPrefixes, ...(iamJwtIssuer === undefined ? [] : ['eyJ'])]
  }

  get entries(): number {
    return this.#table.size
  }

  get evictions(): number {
    return this.#table.evictions
  }

  /** Number of credentials since startup that contradict the marks of their side. */
  get drift(): Readonly<Record<Destination, number>> {
    return this.#drift
  }

  /** Whether the ledger may know an issuer that marks do not identify. False saves computing the hash. */
  get mayKnow(): boolean {
    return this.#table.size > 0 || this.#options.shared !== undefined
  }

  /** Whether IAM may hold a credential with neither a mark nor a ledger entry. */
  get iamMayHoldUnknown(): boolean {
    return this.#options.isIamUnmarked
  }

  /** Records a credential that a side has just issued. */
  learn(side: Destination, issued: Issued): void {
    const { marks, isIamUnmarked, shared } = this.#options
    const routed = issuerByMark(issued.value, issued.type, marks) === 'iam' ? 'iam' : 'legacy'
    if (routed === side) return
    if (side === 'legacy' || !isIamUnmarked) this.#alarm(side, issued.type)
    const now = seconds()
    const digest = this.#digest(issued.value)
    this.#table.set(digest, side, now + issued.lifetime, now)
    shared?.set(digest, side, issued.lifetime)
  }

  /**
   * Returns the side that issued a credential, if that was observed.
   *
   * @param isUnmarked the credential has no mark: then the shared ledger is queried too, and the result is a promise
   */
  find(value: string, isUnmarked: boolean): Destination | undefined | Promise<Destination | undefined | 'unreachable'> {
    const digest = this.#digest(value)
    const known = this.#table.get(digest, seconds())
    return known ?? (isUnmarked ? this.#options.shared?.get(digest) : undefined)
  }

  /** Whether other gateways receive what this one has observed. */
  get isShared(): boolean {
    return this.#options.shared !== undefined
  }

  /**
   * Resolves once the other gateways know everything learned so far, or the time limit has passed; undefined if nothing
   * is pending.
   */
  readonly settled = (): Promise<void> | undefined => this.#options.shared?.settled()

  /**
   * A cheap filter: false for responses with nothing to learn, that is, everything from legacy without a mark of IAM.
   */
  isConcernedBy(side: Destination, text: string): boolean {
    if (text === '') return false
    return side === 'iam' || this.#marks.some((mark) => text.includes(mark))
  }

  async close(): Promise<void> {
    await this.#options.shared?.close()
  }

  #digest(value: string): Buffer {
    return hash('sha256', this.#salt + value, 'buffer')
  }

  #alarm(side: Destination, type: Issued['type']): void {
    this.#drift[side]++
    const now = performance.now()
    if (now - this.#alarmedAt < ALARM_EVERY_MS) return
    this.#alarmedAt = now
    this.#options.log.error(
      { upstream: side, credential_type: type },
      'a side issues credentials whose marks do not tell it; they are remembered one by one',
    )
  }
}

/** A monotonic clock: a wall clock that jumps ahead would make valid credentials unknown. */
function seconds(): number {
  return performance.now() / 1_000
}
