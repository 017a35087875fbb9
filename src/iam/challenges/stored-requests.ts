import type { Parameters } from '../../authorization-server/index.ts'
import { derivedKey, seal, unseal, type VerifierKind } from '../../credentials/index.ts'
import { unpackParameters } from './flow-parameters.ts'

/**
 * Authorization requests in their stored form: encrypted, because `state`, `nonce` and a code challenge of method
 * `plain` are secrets of a client and its user. The key is derived from the verifier key; changing that ends the open
 * flows in any case.
 */
export interface StoredRequests {
  /** The stored form of a request for a challenge of this kind. */
  toStore(kind: VerifierKind, packed: string): Promise<string>
  /** The inverse, which also reads the JSON of older replicas. Undefined when it was encrypted under another key. */
  fromStore(kind: VerifierKind, stored: string): Parameters | undefined
}

/** Creates {@link StoredRequests}; encrypts as soon as `maySeal` reports that every replica can read it. */
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
