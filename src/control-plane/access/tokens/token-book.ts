import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Environment } from '../../../flags/index.ts'
import type { Database, Queryable } from '../../../storage/index.ts'
import { type Caller, environmentsOf, type Role } from '../roles/roles.ts'

/** Whose a token is. */
export interface TokenHolder {
  readonly role: Role
  readonly name: string
}

/** What may be told of a token: everything but the token. */
export interface TokenRecord extends TokenHolder {
  readonly id: number
  readonly environments: readonly Environment[] | null
  readonly created_at: Date
  /** Null for a token that comes from the settings. */
  readonly created_by: string | null
  /** Null for a token that ends only when somebody ends it. */
  readonly expires_at: Date | null
  /** To the hour; null for one that was never used. */
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
/** How long the bearer of a token that was valid a moment ago waits for the store. */
const PATIENCE_MS = 500
/** What is longer is nobody's token. */
export const LONGEST_TOKEN = 512
const USE_STEP_MS = 3_600_000
/** The columns of a {@link TokenRecord}. */
export const TOKEN_COLUMNS = 'id, role, name, environments, created_at, created_by, expires_at, last_used_at'

/** A new token of 32 random bytes; its prefix lets secret scanners find one that leaked. */
export function mintToken(role: Role): string {
  return PREFIXES[role] + randomBytes(32).toString('base64url')
}

/** What is kept of a token: its SHA-256. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

interface KnownToken extends TokenRecord {
  readonly digest: Buffer
}

/** A reading of the tokens that is under way. */
interface Reading {
  /** Whether it is the first since they were forgotten: what was known before is not to be relied on. */
  readonly isOfForgotten: boolean
  readonly done: Promise<void>
}

/** The tokens that are valid, by their digests. */
export class TokenBook {
  readonly #database: Database
  readonly #schema: string
  #known: readonly KnownToken[] | undefined
  #loadedAt = Number.NEGATIVE_INFINITY
  #reading: Reading | undefined
  /** What the last reading failed with; undefined once one has succeeded. */
  #fault: unknown
  readonly #notedUses = new Map<number, number>()

  constructor(database: Database, schema: string) {
    this.#database = database
    this.#schema = schema
  }

  /** Makes a token of the settings valid, and says whether it is new. One that is valid already keeps the role it has. */
  async add(token: string, holder: TokenHolder, on: Queryable = this.#database): Promise<boolean> {
    const made = await on.query(
      `insert into ${this.#schema}.tokens (digest, role, name) values ($1, $2, $3)
        on conflict (digest) do nothing returning id`,
      [digestOf(token), holder.role, holder.name],
    )
    this.forget()
    return made.length > 0
  }

  /** All tokens, the oldest first; those that expired are told of for 30 days. */
  async list(): Promise<TokenRecord[]> {
    return this.#database.query<TokenRecord>(`select ${TOKEN_COLUMNS} from ${this.#schema}.tokens order by id`)
  }

  /** Reads the tokens anew before the next is looked up; one that `ended` is not known from now on, store or no store. */
  forget(ended?: number): void {
    if (ended !== undefined) this.#known = this.#known?.filter(({ id }) => id !== ended)
    this.#loadedAt = Number.NEGATIVE_INFINITY
    this.#reading = undefined
  }

  /** Ends the settings' tokens of a role and name but for those that are given: what a rotated file held before. */
  async retireOthers({ role, name }: TokenHolder, kept: readonly string[], on: Queryable): Promise<number> {
    const ended = await on.query(
      `delete from ${this.#schema}.tokens where created_by is null and role = $1 and name = $2
        and encode(digest, 'hex') <> all($3::text[]) returning id`,
      [role, name, kept.map((token) => digestOf(token).toString('hex'))],
    )
    this.forget()
    return ended.length
  }

  /** Whether the settings have made any token of a role valid. */
  async hasRole(role: Role, on: Queryable): Promise<boolean> {
    const found = await on.query(
      `select 1 from ${this.#schema}.tokens where role = $1 and created_by is null limit 1`,
      [role],
    )
    return found.length > 0
  }

  /**
   * Whose token this is; undefined for one that is not valid. Takes as long for a wrong token as for a right one.
   * A token that another replica has added is found within a second, and one that was taken away is refused within a
   * second; while the store does not answer, the tokens that were valid stay so until they expire or are ended here.
   * Rejects when nobody can say whether a token is valid.
   */
  async find(token: string): Promise<Caller | undefined> {
    if (token.length === 0 || token.length > LONGEST_TOKEN) return undefined
    const digest = digestOf(token)
    const found = this.#compare(digest)
    const isDue = this.#known === undefined || performance.now() - this.#loadedAt >= RELOAD_MS
    const reading = isDue ? this.#load() : this.#reading
    if (!reading) {
      // What another replica has added since may be just this one.
      if (!found && this.#fault !== undefined) throw this.#fault
      return this.#used(found)
    }
    if (!found) {
      await this.#settled()
      return this.#used(this.#compare(digest))
    }
    if (!isDue && !reading.isOfForgotten) return this.#used(found)
    // Gateways and proxies are to be answered from memory while the store is away, and not to wait for one that hangs;
    // but who was ended here a moment ago is not to profit from that.
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
      // Only a notice: a request must not wait for it, nor fail with it.
      this.#database
        .query(`update ${this.#schema}.tokens set last_used_at = date_trunc('hour', now()) where id = $1`, [id])
        .catch(() => this.#notedUses.delete(id))
    }
    return { role, name, environments: environmentsOf(role, environments), by: { kind: 'token', id, expiresAt } }
  }

  /** Begins to read the tokens; what an older reading finds is no longer listened to. */
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

  /** Waits for the reading under way, and for the one that took its place meanwhile; rejects as the last of them did. */
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
