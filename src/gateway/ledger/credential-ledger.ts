import { hash } from 'node:crypto'
import { IAM_PREFIXES } from '../../credentials/index.ts'
import type { Log } from '../../observability/index.ts'
import { type CredentialMarks, type Destination, issuerByMark } from '../../routing/index.ts'
import type { Issued } from './issued.ts'
import { IssuerTable } from './issuer-table.ts'
import type { SharedLedger } from './shared-ledger.ts'

/** What a ledger goes by. */
export interface LedgerOptions {
  /** Keys the hashes; the same for all gateways that share a ledger. */
  readonly key: Uint8Array
  readonly marks: CredentialMarks
  /** IAM issues credentials that no mark tells; remembering them is then no alarm. */
  readonly isIamUnmarked: boolean
  /** Entries held in memory at most. */
  readonly capacity: number
  readonly shared: SharedLedger | undefined
  readonly log: Log
}

const ALARM_EVERY_MS = 60_000

/**
 * Knows the issuer of credentials whose marks say nothing or the wrong thing: it has seen them being issued. What the
 * marks tell right is not kept. A credential is held as a keyed hash, for as long as it lives.
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

  /** Credentials that a side issued against its marks, since the start. */
  get drift(): Readonly<Record<Destination, number>> {
    return this.#drift
  }

  /**
   * Whether an issuer may be known here that marks do not tell. False spares the hash.
   */
  get mayKnow(): boolean {
    return this.#table.size > 0 || this.#options.shared !== undefined
  }

  /** Whether IAM may hold a credential that neither a mark nor the ledger knows. */
  get iamMayHoldUnknown(): boolean {
    return this.#options.isIamUnmarked
  }

  /** Takes note of what a side has just issued. */
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
   * The side that issued a credential, as far as that was seen.
   *
   * @param isUnmarked no mark tells it: then the other gateways' ledger is asked too, and the answer comes later
   */
  find(value: string, isUnmarked: boolean): Destination | undefined | Promise<Destination | undefined | 'unreachable'> {
    const digest = this.#digest(value)
    const known = this.#table.get(digest, seconds())
    return known ?? (isUnmarked ? this.#options.shared?.get(digest) : undefined)
  }

  /** Whether other gateways are told what this one has seen. */
  get isShared(): boolean {
    return this.#options.shared !== undefined
  }

  /** Resolves when the other gateways know all that was learned, or could not be told in time; undefined when they do. */
  readonly settled = (): Promise<void> | undefined => this.#options.shared?.settled()

  /** A quick no for answers that hold nothing to learn: whatever legacy issues without a mark of IAM's. */
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

/** Of a clock that nobody sets: one that jumps ahead would make living credentials unknown. */
function seconds(): number {
  return performance.now() / 1_000
}
