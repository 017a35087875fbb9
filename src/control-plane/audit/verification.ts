import { type AuditPlace, allEntries, notedHead, type StoredEntry } from './audit-log.ts'
import { canonicalHash } from './canonical.ts'
import { type ChainHead, NO_ENTRIES } from './entry.ts'

/** What can be wrong with an entry: gone, not as it was written, not the follower of the one before, or not as remembered. */
export type Break = 'missing' | 'altered' | 'unlinked' | 'not_as_remembered'

/** What came of a verification. */
export interface Verification {
  readonly valid: boolean
  /** How many entries were found sound, from the first on. */
  readonly sound: number
  /** The last sound entry. Whoever keeps it elsewhere will notice when the log is cut off or written anew. */
  readonly head: ChainHead
  /** The first entry that is not sound. */
  readonly broken: { readonly number: number; readonly why: Break } | null
}

/**
 * Goes through the whole log, from the first entry on, and holds each against its own hash and the hash of the one
 * before. The newest entry that the control plane noted outside of the log must still be there as it was, and so must
 * `remembered`, an entry that an operator noted elsewhere.
 */
export async function verifyChain(place: AuditPlace, remembered?: ChainHead): Promise<Verification> {
  const anchors = [await notedHead(place), ...(remembered === undefined ? [] : [remembered])]
  let head = NO_ENTRIES
  const broken = (number: number, why: Break): Verification => ({
    valid: false,
    sound: head.number,
    head,
    broken: { number, why },
  })
  for await (const stored of allEntries(place)) {
    const why = breakOf(head, stored)
    if (why === 'missing') return broken(head.number + 1, why)
    if (why !== undefined) return broken(stored.number, why)
    if (anchors.some(({ number, hash }) => number === stored.number && hash !== stored.hash)) {
      return broken(stored.number, 'not_as_remembered')
    }
    head = { number: stored.number, hash: stored.hash }
  }
  if (anchors.some(({ number }) => number > head.number)) return broken(head.number + 1, 'missing')
  return { valid: true, sound: head.number, head, broken: null }
}

/** What is wrong with an entry that should follow `head`; undefined for a sound one. */
export function breakOf(head: ChainHead, stored: StoredEntry): Exclude<Break, 'not_as_remembered'> | undefined {
  if (stored.number !== head.number + 1) return 'missing'
  if (!isUnaltered(stored)) return 'altered'
  return stored.entry.previous_hash === head.hash ? undefined : 'unlinked'
}

/** Whether an entry is what its hash was made from. */
export function isUnaltered({ number, entry, hash }: StoredEntry): boolean {
  return entry.number === number && canonicalHash(entry) === hash
}
