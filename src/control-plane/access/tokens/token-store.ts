import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../../../flags/index.ts'
import type { Database, Queryable } from '../../../storage/index.ts'
import { type Caller, environmentsOf, type Role } from '../roles/roles.ts'

/** The holder of a token. */
export interface TokenHolder {
  readonly role: Role
  readonly name: string
}

/** The public part of a token: everything but the token itself. */
export interface TokenRecord extends TokenHolder {
  readonly id: number
  readonly environments: readonly Environment[] | null
  readonly created_at: Date
  /** Null for a token from the settings. */
  readonly created_by: string | null
  /** Null for a token that does not expire. */
  readonly expires_at: Date | null
  /** To the hour; null for a token that was never used. */
  readonly last_used_at: Date | null
}

const PREFIXES: Readonly<Record<Role, string>> = {
  viewer: 'hovwr-',
  operator: 'hoopr-',
  administrator: 'hoadm-',
  gateway: 'hogtw-',
  replication: 'horep-',
}
const RELOAD_MS = 1_000
/** How long the bearer of a recently valid token waits for the store. */
const PATIENCE_MS = 500
/** A longer value cannot be a token. */
export const LONGEST_TOKEN = 512
const USE_STEP_MS = 3_600_000
/** The columns of a {@link TokenRecord}. */
export const TOKEN_COLUMNS = 'id, role, name, environments, created_at, created_by, expires_at, last_used_at'

/** A new token of 32 random bytes; secret scanners recognise a leaked one by its prefix. */
export function generateToken(role: Role): string {
  return PREFIXES[role] + randomBytes(32).toString('base64url')
}

/** The stored form of a token: its SHA-256. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

interface KnownToken extends TokenRecord {
  readonly digest: Buffer
}

/** A read of the tokens that is in progress. */
interface Reading {
  /** Whether it is the first since the cache was invalidated: the previous content must not be relied on. */
  readonly isOfForgotten: boolean
  readonly done: Promise<void>
}

/** The valid tokens, by their digests. */
export class TokenStore {
  readonly #database: Database
  readonly #schema: string
  #known: readonly KnownToken[] | undefined
  #loadedAt = Number.NEGATIVE_INFINITY
  #reading: Reading | undefined
  /** The error of the last read; undefined once one has succeeded. */
  #fault: unknown
  readonly #notedUses = new Map<number, number>()

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#schema = schema
  }

  /**
   * Makes a token from the settings valid, and says whether it is new. A token that is already valid keeps its role.
   */
  async add(token: string, holder: TokenHolder, on: Queryable = this.#database): Promise<boolean> {
    const made = await on.query(
      `insert into ${this.#schema}.tokens (digest, role, name) values ($1, $2, $3)
        on conflict (digest) do nothing returning id`,
      [digestOf(token), holder.role, holder.name],
    )
    this.forget()
    return made.length > 0
  }

  /** All tokens, oldest first; expired ones are listed for 30 days. */
  async list(): Promise<TokenRecord[]> {
    return this.#database.query<TokenRecord>(`select ${TOKEN_COLUMNS} from ${this.#schema}.tokens order by id`)
  }

  /**
   * Makes the next lookup read the tokens again; a token that `ended` is refused from now on, with or without the
   * store.
   */
  forget(ended?: number): void {
    if (ended !== undefined) this.#known = this.#known?.filter(({ id }) => id !== ended)
    this.#loadedAt = Number.NEGATIVE_INFINITY
    this.#reading = undefined
  }

  /**
   * Revokes the settings' tokens of a role and name except the given ones, such as the previous content of a rotated
   * file.
   */
  async retireOthers({ role, name }: TokenHolder, kept: readonly string[], on: Queryable): Promise<number> {
    const ended = await on.query(
      `delete from ${this.#schema}.tokens where created_by is null and role = $1 and name = $2
        and encode(digest, 'hex') <> all($3::text[]) returning id`,
      [role, name, kept.map((token) => digestOf(token).toString('hex'))],
    )
    this.forget()
    return ended.length
  }

  /** Whether the settings contain a valid token of any role. */
  async hasRole(role: Role, on: Queryable): Promise<boolean> {
    const found = await on.query(
      `select 1 from ${this.#schema}.tokens where role = $1 and created_by is null limit 1`,
      [role],
    )
    return found.length > 0
  }

  /**
   * The holder of a token; undefined for an invalid one. Takes the same time for a wrong token as for a right one. A
   * token that another replica added is accepted within a second, and one that it revoked is refused within a second;
   * while the store is unavailable, the valid tokens remain valid until they expire or are revoked here. Rejects if it
   * cannot be decided whether a token is valid.
   */
  async find(token: string): Promise<Caller | undefined> {
    if (token.length === 0 || token.length > LONGEST_TOKEN) return undefined
    const digest = digestOf(token)
    const found = this.#compare(digest)
    const isDue = this.#known === undefined || performance.now() - this.#loadedAt >= RELOAD_MS
    const reading = isDue ? this.#load() : this.#reading
    if (!reading) {
      // Another replica may have added this token since.
      if (!found && this.#fault !== undefined) throw this.#fault
      return this.#used(found)
    }
    if (!found) {
      await this.#settled()
      return this.#used(this.#compare(digest))
    }
    if (!isDue && !reading.isOfForgotten) return this.#used(found)
    // While the store is unavailable, gateways and proxies are answered from memory instead of waiting for a store that
    // hangs; a token that was just revoked here must not benefit from that.
    const settled = this.#settled().catch(() => {})
    await (reading.isOfForgotten ? settled : Promise.race([settled, sleep(PATIENCE_MS, undefined, { ref: false })]))
    return this.#used(this.#compare(digest))
  }

  #compare(digest: Buffer): KnownToken | undefined {
    let found: KnownToken | undefined
    for (const token of this.#known ?? []) if (timingSafeEqual(token.digest, digest)) found = token
    return found && isExpired(found) ? undefined : found
  }

  #used(token: KnownToken | undefined): Caller | undefined {
    if (!token) return undefined
    const { id, role, name, environments, expires_at: expiresAt } = token
    const now = Date.now()
    const noted = this.#notedUses.get(id) ?? token.last_used_at?.getTime() ?? 0
    if (now - noted >= USE_STEP_MS) {
      this.#notedUses.set(id, now)
      // Best effort: a request must neither wait for it nor fail with it.
      this.#database
        .query(`update ${this.#schema}.tokens set last_used_at = date_trunc('hour', now()) where id = $1`, [id])
        .catch(() => this.#notedUses.delete(id))
    }
    return { role, name, environments: environmentsOf(role, environments), by: { kind: 'token', id, expiresAt } }
  }

  /** Starts a read of the tokens; the result of an older read is ignored. */
  #load(): Reading {
    const isOfForgotten = this.#loadedAt === Number.NEGATIVE_INFINITY
    this.#loadedAt = performance.now()
    const reading: Reading = { isOfForgotten, done: this.#read(() => this.#reading === reading) }
    this.#reading = reading
    return reading
  }

  async #read(isWanted: () => boolean): Promise<void> {
    try {
      const known = await this.#database.query<KnownToken>(
        `select digest, ${TOKEN_COLUMNS} from ${this.#schema}.tokens`,
      )
      if (!isWanted()) return
      this.#known = known
      this.#fault = undefined
    } catch (error) {
      if (isWanted()) this.#fault = error
      throw error
    } finally {
      if (isWanted()) this.#reading = undefined
    }
  }

  /** Waits for the read in progress and for any that replaced it; rejects if the last one failed. */
  async #settled(): Promise<void> {
    for (let reading = this.#reading; reading; reading = this.#reading) {
      await reading.done.catch(() => {})
      if (this.#loadedAt === Number.NEGATIVE_INFINITY) this.#load()
    }
    if (this.#fault !== undefined) throw this.#fault
  }
}

function isExpired({ expires_at: end }: TokenRecord): boolean {
  return end !== null && end.getTime() <= Date.now()
}
