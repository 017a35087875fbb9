import { type AuditPlace, allEntries, notedHead, type StoredEntry } from './audit-log.ts'
import { canonicalHash } from './canonical.ts'
import { type ChainHead, NO_ENTRIES } from './entry.ts'

/**
 * What can be wrong with an entry: missing, altered, not linked to the previous one, or different from the noted one.
 */
export type Break = 'missing' | 'altered' | 'unlinked' | 'not_as_remembered'

/** The result of a verification. */
export interface Verification {
  readonly valid: boolean
  /** How many entries are valid, from the first on. */
  readonly sound: number
  /** The last valid entry. Keeping it elsewhere makes it possible to detect a truncated or rewritten log. */
  readonly head: ChainHead
  /** The first invalid entry. */
  readonly broken: { readonly number: number; readonly why: Break } | null
}

/**
 * Reads the whole log, from the first entry on, and checks each entry against its own hash and the hash of the previous
 * one. The newest entry that the control plane noted outside the log must still be present unchanged, and so must
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

/** What is wrong with an entry that should follow `head`; undefined for a valid one. */
export function breakOf(head: ChainHead, stored: StoredEntry): Exclude<Break, 'not_as_remembered'> | undefined {
  if (stored.number !== head.number + 1) return 'missing'
  if (!isUnaltered(stored)) return 'altered'
  return stored.entry.previous_hash === head.hash ? undefined : 'unlinked'
}

/** Whether an entry matches its hash. */
export function isUnaltered({ number, entry, hash }: StoredEntry): boolean {
  return entry.number === number && canonicalHash(entry) === hash
}
