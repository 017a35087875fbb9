import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Database } from '../storage/index.ts'

/** What the bearer of a token may do. */
export const ROLES = ['administrator', 'gateway', 'replication'] as const
export type Role = (typeof ROLES)[number]

/** Whoever a request comes from. */
export interface Caller {
  readonly role: Role
  readonly name: string
}

const PREFIXES: Readonly<Record<Role, string>> = { administrator: 'hoadm-', gateway: 'hogtw-', replication: 'horep-' }
const RELOAD_MS = 1_000
const MAX_TOKEN_LENGTH = 512

/** A new token of 32 random bytes; its prefix lets secret scanners find one that leaked. */
export function mintToken(role: Role): string {
  return PREFIXES[role] + randomBytes(32).toString('base64url')
}

/** What is kept of a token: its SHA-256. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

interface KnownToken extends Caller {
  readonly digest: Buffer
}

/** The tokens that are valid, by their digests. */
export class TokenBook {
  readonly #database: Database
  readonly #schema: string
  #known: readonly KnownToken[] = []
  #loadedAt = Number.NEGATIVE_INFINITY

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#schema = schema
  }

  /** Makes a token valid. One that is valid already keeps the role it has. */
  async add(token: string, caller: Caller): Promise<void> {
    await this.#database.query(
      `insert into ${this.#schema}.tokens (digest, role, name) values ($1, $2, $3) on conflict (digest) do nothing`,
      [digestOf(token), caller.role, caller.name],
    )
    this.#loadedAt = Number.NEGATIVE_INFINITY
  }

  /** Ends the tokens of a role and name but for those that are given: what a rotated file held before. */
  async retireOthers({ role, name }: Caller, kept: readonly string[]): Promise<number> {
    const digests = kept.map(digestOf)
    await this.#load()
    const old = this.#known
      .filter((token) => token.role === role && token.name === name)
      .filter((token) => !digests.some((digest) => timingSafeEqual(token.digest, digest)))
    for (const { digest } of old) {
      await this.#database.query(`delete from ${this.#schema}.tokens where digest = $1`, [digest])
    }
    this.#loadedAt = Number.NEGATIVE_INFINITY
    return old.length
  }

  /** Whether any token of a role is valid. */
  async hasRole(role: Role): Promise<boolean> {
    await this.#load()
    return this.#known.some((token) => token.role === role)
  }

  /**
   * Whose token this is; undefined for one that is not valid. Takes as long for a wrong token as for a right one.
   * A token that another replica has added is found within a second, and one that was taken away is refused within a
   * second; while the store does not answer, the tokens that were valid stay so.
   */
  async find(token: string): Promise<Caller | undefined> {
    if (token.length === 0 || token.length > MAX_TOKEN_LENGTH) return undefined
    const digest = digestOf(token)
    const found = this.#compare(digest)
    if (performance.now() - this.#loadedAt < RELOAD_MS) return found
    try {
      await this.#load()
    } catch (error) {
      // Gateways are to be fed from memory while the store is away.
      if (found) return found
      throw error
    }
    return this.#compare(digest)
  }

  #compare(digest: Buffer): Caller | undefined {
    let found: Caller | undefined
    for (const token of this.#known) if (timingSafeEqual(token.digest, digest)) found = token
    return found
  }

  async #load(): Promise<void> {
    this.#loadedAt = performance.now()
    this.#known = await this.#database.query<KnownToken>(`select digest, role, name from ${this.#schema}.tokens`)
  }
}
