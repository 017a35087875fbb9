import type { Parameters } from '../../authorization-server/index.ts'
import { derivedKey, seal, unseal, type VerifierKind } from '../../credentials/index.ts'
import { unpackParameters } from './flow-parameters.ts'

/**
 * Authorization requests as they are stored: sealed, for `state`, `nonce` and a code challenge of method `plain` are secrets of
 * a client and its user. The key is made from the verifier key: whoever changes that ends the open flows anyway.
 */
export interface StoredRequests {
  /** What to store for a challenge of this kind. */
  toStore(kind: VerifierKind, packed: string): Promise<string>
  /** The inverse, for requests of older replicas too, which are JSON. Undefined when another key sealed it. */
  fromStore(kind: VerifierKind, stored: string): Parameters | undefined
}

/** Seals as soon as `maySeal` says that every replica can read it. */
export function storedRequests(verifierKey: Uint8Array, maySeal: () => Promise<boolean>): StoredRequests {
  const key = derivedKey(verifierKey, 'stored requests')
  return {
    toStore: async (kind, packed) =>
      (await maySeal()) ? seal(Buffer.from(packed), key, kind).toString('base64url') : packed,
    fromStore(kind, stored) {
      if (stored.startsWith('{')) return unpackParameters(stored)
      try {
        return unpackParameters(unseal(Buffer.from(stored, 'base64url'), key, kind).toString())
      } catch {
        return undefined
      }
    },
  }
}
