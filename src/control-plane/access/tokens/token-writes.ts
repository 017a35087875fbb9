import type { Environment } from '../../../flags/index.ts'
import { type ChangeContext, ROLLOUT_PRINCIPAL, SYSTEM_CONTEXT } from '../../audit/change-context.ts'
import type { Store, WriteTransaction } from '../../state/store.ts'
import {
  digestOf,
  generateToken,
  TOKEN_COLUMNS,
  type TokenHolder,
  type TokenRecord,
  type TokenStore,
} from './token-store.ts'

/** A token to be created. */
export interface TokenWish extends TokenHolder {
  /** The environments in which an operator may make changes; null for all. */
  readonly environments: readonly Environment[] | null
  readonly days: number
}

/** The dependencies of token writes. */
export interface TokenDesk {
  readonly store: Store
  readonly tokens: TokenStore
}

const KEPT_AFTER_EXPIRY = '30 days'

/**
 * Creates a token and records that. The result holds the token, which cannot be read again; it is `name_reserved` for
 * the name of a token from the settings, such as `administrator`, and for the name of the engine of rollouts, because no
 * other caller may use that name in the audit log.
 */
export async function createToken({ store, tokens }: TokenDesk, wish: TokenWish, context: ChangeContext) {
  const { role, name, environments, days } = wish
  if (name.toLowerCase() === ROLLOUT_PRINCIPAL) return 'name_reserved'
  const token = generateToken(role)
  const record = await store.write<TokenRecord | 'name_reserved'>(async (tx) => {
    const reserved = `select 1 from ${store.schema}.tokens where name = $1 and created_by is null`
    if ((await tx.query(reserved, [name])).length > 0) return { change: undefined, result: 'name_reserved' }
    await tx.query(`delete from ${store.schema}.tokens where expires_at < now() - interval '${KEPT_AFTER_EXPIRY}'`)
    const [made] = await tx.query<TokenRecord>(
      `insert into ${store.schema}.tokens (digest, role, name, environments, created_by, expires_at)
        values ($1, $2, $3, $4, $5, now() + make_interval(days => $6)) returning ${TOKEN_COLUMNS}`,
      [digestOf(token), role, name, environments && JSON.stringify(environments), context.by, days],
    )
    if (!made) throw new Error('the new token was not stored')
    await tx.record({
      ...{ context, action: 'token.create', environment: null, subject: name },
      ...{ before: null, after: auditState(made), details: { id: made.id } },
    })
    return { change: undefined, result: made }
  })
  if (record === 'name_reserved') return record
  tokens.forget()
  return { token, record }
}

/**
 * Revokes a token and records that: at once here, within a second at other replicas. A token from the settings is
 * revoked only through its file.
 */
export async function revokeToken(
  { store, tokens }: TokenDesk,
  id: number,
  context: ChangeContext,
): Promise<TokenRecord | 'unknown' | 'of_settings'> {
  const outcome = await store.write<TokenRecord | 'unknown' | 'of_settings'>(async (tx) => {
    const [revoked] = await tx.query<TokenRecord>(
      `delete from ${store.schema}.tokens where id = $1 and created_by is not null returning ${TOKEN_COLUMNS}`,
      [id],
    )
    if (!revoked) {
      const held = await tx.query(`select 1 from ${store.schema}.tokens where id = $1`, [id])
      return { change: undefined, result: held.length > 0 ? 'of_settings' : 'unknown' }
    }
    await tx.record({
      ...{ context, action: 'token.end', environment: null, subject: revoked.name },
      ...{ before: auditState(revoked), after: null, details: { id } },
    })
    return { change: undefined, result: revoked }
  })
  tokens.forget(typeof outcome === 'object' ? id : undefined)
  return outcome
}

/** Makes a token from the settings valid; a new one is recorded. */
export function addToken(desk: TokenDesk, token: string, holder: TokenHolder): Promise<void> {
  return desk.store.write(async (tx) => {
    await addWithin(tx, desk, token, holder)
    return { change: undefined, result: undefined }
  })
}

/**
 * Makes the token that `tokenOf` returns valid; `tokenOf` receives whether the role already has one, and undefined
 * means none. Replicas that start together run one after the other, so that only one of them finds none.
 */
export function addFirstToken(
  desk: TokenDesk,
  holder: TokenHolder,
  tokenOf: (isKnown: boolean) => string | undefined,
): Promise<string | undefined> {
  return desk.store.write(async (tx) => {
    const token = tokenOf(await desk.tokens.hasRole(holder.role, tx))
    if (token !== undefined) await addWithin(tx, desk, token, holder)
    return { change: undefined, result: token }
  })
}

async function addWithin(tx: WriteTransaction, { tokens }: TokenDesk, token: string, holder: TokenHolder) {
  if (!(await tokens.add(token, holder, tx))) return
  const what = { environment: null, subject: holder.name, before: null, after: { role: holder.role } }
  await tx.record({ context: SYSTEM_CONTEXT, action: 'token.create', ...what })
}

/** Revokes a holder's settings tokens except the given ones, and records that; returns their number. */
export function retireTokens(
  { store, tokens }: TokenDesk,
  holder: TokenHolder,
  kept: readonly string[],
): Promise<number> {
  return store.write(async (tx) => {
    const retired = await tokens.retireOthers(holder, kept, tx)
    if (retired > 0) {
      const what = { environment: null, subject: holder.name, before: { role: holder.role }, after: null }
      await tx.record({ context: SYSTEM_CONTEXT, action: 'token.end', ...what, details: { retired } })
    }
    return { change: undefined, result: retired }
  })
}

function auditState({ role, environments, expires_at }: TokenRecord) {
  return { role, environments, expires_at: expires_at?.toISOString() ?? null }
}
