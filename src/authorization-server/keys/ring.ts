import type { KeyObject } from 'node:crypto'
import type { MemberOrder } from '../model/compatibility.ts'
import { inOrder } from '../model/member-order.ts'
import { generateSigningKey, type PublicKey, publicKeyOf, type SigningAlgorithm, signWith } from './algorithms.ts'
import { databaseTime, type HeldKeys, holdKeys } from './held-keys.ts'
import type { KeyEdit, KeyStore, StoredKey, StoredKeys } from './key-store.ts'
import {
  currentKey,
  type KeyPolicy,
  type KeyState,
  type KeyStep,
  keyState,
  planKeys,
  planRotation,
  planWithdrawal,
  signsUntil,
} from './schedule.ts'
import { opened, type SealingKeys, SigningKeyError, sealed } from './sealing.ts'

/** A signing key as operators see it. Times are milliseconds since the epoch, by the database's clock. */
export interface SigningKeyView {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly state: KeyState
  readonly publishedAt: number
  /** Null for a standby key. */
  readonly signsFrom: number | null
  /** When its successor takes over; null while no successor is scheduled. */
  readonly signsUntil: number | null
  /** When the key is removed from the key set; null as above. */
  readonly publishedUntil: number | null
}

/** A change of a signing key, for the log. Contains no key material. */
export interface SigningKeyChange {
  /** `unusable`: no sealing key decrypts it, so it was not scheduled. */
  readonly change: 'unusable' | 'made' | 'scheduled' | 'erased' | 'removed' | 'withdrawn' | 'resealed'
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  /** Milliseconds since the epoch. */
  readonly signsFrom: number | null
}

/**
 * The result of a withdrawal: `signing` and `published` are refusals without force, because tokens would become
 * invalid.
 */
export type Withdrawal = 'withdrawn' | 'unknown' | 'signing' | 'published'

/** The keys that sign ID tokens and JWT access tokens. */
export interface KeyRing {
  /** Public halves: the current RS256 key first, for clients that ignore kid, and next keys last. */
  publicKeys(): Promise<readonly PublicKey[]>
  /** Signs a JWT, with RS256 by default; typ, kid and alg come first in the header. */
  signJwt(
    claims: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, string>>,
    algorithm?: SigningAlgorithm,
  ): Promise<string>
  list(): Promise<readonly SigningKeyView[]>
  /** Schedules the next keys to take over as soon as they have been published for the lead time. */
  rotate(): Promise<readonly SigningKeyView[]>
  /** Removes a key from the key set immediately: one that has never signed or, with force, any key. */
  withdraw(kid: string, force: boolean): Promise<Withdrawal>
  /** Performs the steps that the schedule requires. */
  upkeep(): Promise<void>
}

/** What a key ring depends on. */
export interface KeyRingOptions {
  readonly store: KeyStore
  readonly sealingKeys: SealingKeys
  readonly policy: KeyPolicy
  /** The order of members in the answers. */
  readonly order: Pick<MemberOrder, 'jwk' | 'jwtHeader'>
  readonly onChange?: (change: SigningKeyChange) => void
}

/**
 * Opens the key ring over a store. The first use creates a key, once for all processes. The signing key is determined
 * by the stored keys and the database's clock alone, so processes need no coordination. A process refreshes what it has
 * read after a fifth of `policy.stale`, and never uses it for longer than `policy.stale`.
 */
export function createKeyRing({ store, sealingKeys, policy, order, onChange = () => {} }: KeyRingOptions): KeyRing {
  const held = holdKeys(() => readAndKeep(store, sealingKeys, policy, onChange), policy.stale)
  const signers = signerCache({ store, sealingKeys, order, onChange })
  const edit = async (plan: (read: StoredKeys) => readonly KeyStep[], removal: SigningKeyChange['change']) => {
    await carryOut({ store, sealingKeys, plan, removal, onChange })
    held.forget()
    return view(await held.get(), policy)
  }
  return {
    async publicKeys() {
      return published(await held.get()).map((key) => (key['kty'] === 'RSA' ? inOrder(key, order.jwk) : key))
    },
    async signJwt(claims, header, algorithm = 'RS256') {
      const read = await held.get()
      const now = databaseTime(read)
      const key = currentKey(read.keys, algorithm, now) ?? currentKey(read.keys, 'RS256', now)
      if (key === undefined) throw new SigningKeyError('there is no signing key')
      const signer = signers(key)
      const head = header === undefined ? signer.head : encodePart({ ...signer.header, ...header })
      const content = `${head}.${encodePart(claims)}`
      return `${content}.${(await signWith(key.algorithm, signer.key, content)).toString('base64url')}`
    },
    async list() {
      return view(await held.get(), policy)
    },
    rotate: () => edit(({ keys, now }) => planRotation(keys, now, policy), 'removed'),
    async withdraw(kid, force) {
      let outcome: Withdrawal = 'unknown'
      const plan = ({ keys, now }: StoredKeys): KeyStep[] => {
        const key = keys.find((candidate) => candidate.kid === kid)
        outcome = key === undefined ? 'unknown' : force ? 'withdrawn' : refusal(keyState(key, keys, now))
        return outcome === 'withdrawn' ? planWithdrawal(kid, keys, now) : []
      }
      await edit(plan, 'withdrawn')
      return outcome
    },
    async upkeep() {
      held.forget()
      await held.get()
    },
  }
}

/** Only a key that has never signed can be removed without invalidating tokens. */
function refusal(state: KeyState): Withdrawal {
  return state === 'current' ? 'signing' : state === 'retired' ? 'published' : 'withdrawn'
}

/** One round leads to the next: the first key, then the standby key. */
const MOST_ROUNDS = 3

async function readAndKeep(
  store: KeyStore,
  sealingKeys: SealingKeys,
  policy: KeyPolicy,
  onChange: (change: SigningKeyChange) => void,
): Promise<StoredKeys> {
  const plan = ({ keys, now }: StoredKeys) => planKeys(keys, now, policy)
  let read = await store.read()
  for (let round = 0; round < MOST_ROUNDS && plan(read).length > 0; round++) {
    try {
      await carryOut({ store, sealingKeys, plan, removal: 'removed', onChange })
    } catch (error) {
      // A usable signing key exists; the next read tries again.
      if (currentKey(read.keys, 'RS256', read.now) !== undefined) return read
      throw error
    }
    read = await store.read()
  }
  return read
}

interface Undertaking {
  readonly store: KeyStore
  readonly sealingKeys: SealingKeys
  readonly plan: (read: StoredKeys) => readonly KeyStep[]
  readonly removal: SigningKeyChange['change']
  readonly onChange: (change: SigningKeyChange) => void
}

/**
 * Plans again under the lock, as another process may have acted first. Keys are generated beforehand because that is
 * slow.
 */
async function carryOut({ store, sealingKeys, plan, removal, onChange }: Undertaking): Promise<void> {
  const made = new Map<SigningAlgorithm, Awaited<ReturnType<typeof generateSigningKey>>>()
  for (const step of plan(await store.read())) {
    if (step.do === 'make') made.set(step.algorithm, await generateSigningKey(step.algorithm))
  }
  const changes = await store.change(async (edit) => {
    const read = await edit.read()
    const done: SigningKeyChange[] = []
    for (const step of plan(read)) {
      const change = await take(step, edit, read.keys, { made, sealingKeys })
      if (change !== undefined) done.push(change.change === 'removed' ? { ...change, change: removal } : change)
    }
    return done
  })
  for (const change of changes) onChange(change)
}

async function take(
  step: KeyStep,
  edit: KeyEdit,
  keys: readonly StoredKey[],
  {
    made,
    sealingKeys,
  }: {
    readonly made: ReadonlyMap<SigningAlgorithm, Awaited<ReturnType<typeof generateSigningKey>>>
    readonly sealingKeys: SealingKeys
  },
): Promise<SigningKeyChange | undefined> {
  if (step.do === 'make') {
    const { algorithm, signsFrom } = step
    const pair = made.get(algorithm)
    // A key that has become necessary only now is created next time.
    if (pair === undefined) return undefined
    const { kid, publicJwk } = pair
    await edit.insert({ kid, algorithm, signsFrom, publicJwk, ...sealed(kid, pair.privateKey, sealingKeys) })
    return { change: 'made', kid, algorithm, signsFrom }
  }
  const key = keys.find(({ kid }) => kid === step.kid)
  if (key === undefined) return undefined
  const { kid, algorithm } = key
  if (step.do === 'schedule') {
    if (!isUsable(key, sealingKeys)) return { change: 'unusable', kid, algorithm, signsFrom: null }
    await edit.schedule(kid, step.signsFrom)
    return { change: 'scheduled', kid, algorithm, signsFrom: step.signsFrom }
  }
  await (step.do === 'erase' ? edit.erase(kid) : edit.remove(kid))
  return { change: step.do === 'erase' ? 'erased' : 'removed', kid, algorithm, signsFrom: key.signsFrom }
}

function isUsable(key: StoredKey, sealingKeys: SealingKeys): boolean {
  try {
    opened(key, sealingKeys)
    return true
  } catch (error) {
    if (error instanceof SigningKeyError) return false
    throw error
  }
}

interface Signer {
  readonly key: KeyObject
  readonly header: Readonly<Record<string, string>>
  /** The encoded header of the usual case. */
  readonly head: string
}

/** Caches private halves, each decrypted once. One that is in clear, or under an old key, is encrypted again. */
function signerCache({
  store,
  sealingKeys,
  order,
  onChange,
}: Pick<KeyRingOptions, 'store' | 'sealingKeys' | 'order'> & Required<Pick<KeyRingOptions, 'onChange'>>) {
  const signers = new Map<string, Signer>()
  return (stored: StoredKey): Signer => {
    const { kid, algorithm, signsFrom } = stored
    const known = signers.get(kid)
    if (known !== undefined) return known
    const { key, resealed } = opened(stored, sealingKeys)
    const header = inOrder({ typ: 'JWT', kid, alg: algorithm }, order.jwtHeader)
    const signer = { key, header, head: encodePart(header) }
    // The others have retired.
    for (const [other, { header: kept }] of signers) if (kept['alg'] === algorithm) signers.delete(other)
    signers.set(kid, signer)
    if (resealed !== undefined) {
      store.reseal(kid, stored.privateKey, resealed).then(
        (isDone) => isDone && onChange({ change: 'resealed', kid, algorithm, signsFrom }),
        () => signers.delete(kid), // The next use tries again.
      )
    }
    return signer
  }
}

const ORDER: readonly KeyState[] = ['current', 'retired', 'next']

function published(read: HeldKeys): PublicKey[] {
  const now = databaseTime(read)
  const rank = (key: StoredKey) =>
    ORDER.indexOf(keyState(key, read.keys, now)) * 2 + (key.algorithm === 'RS256' ? 0 : 1)
  return [...read.keys]
    .sort((a, b) => rank(a) - rank(b))
    .map(({ kid, algorithm, publicJwk }) => publicKeyOf(kid, algorithm, publicJwk))
}

function view(read: HeldKeys, policy: KeyPolicy): SigningKeyView[] {
  const now = databaseTime(read)
  return read.keys.map((key) => {
    const until = signsUntil(key, read.keys) ?? null
    return {
      kid: key.kid,
      algorithm: key.algorithm,
      state: keyState(key, read.keys, now),
      publishedAt: key.publishedAt,
      signsFrom: key.signsFrom,
      signsUntil: until,
      publishedUntil: until === null ? null : until + policy.keep,
    }
  })
}

function encodePart(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}
