import { bucketOf } from '../../flags/index.ts'
import { ROUTING_FLAG, type SnapshotLine, UNKNOWN_CLIENTS_FLAG } from '../../routing/index.ts'

/**
 * The content of HAProxy's routing map. Each application has the value `<id>:<threshold>:<1 if IAM holds it>`, and
 * {@link STATE_KEY} has `<limit>:<brake>:<clients without an application>:<version>`. The flag is on for an application
 * whose threshold is below the limit, so a change of the percentage is a change of one entry.
 */
export type RoutingMap = ReadonlyMap<string, string>

/** The key of the entry that holds for all applications; no client id that HAProxy reads contains an asterisk. */
export const STATE_KEY = '*'
/** The client ids that HAProxy reads by itself; all others have no entry, and their requests go to the gateway. */
export const PLAIN_CLIENT_ID = /^[A-Za-z0-9._~-]{1,255}$/

/**
 * Below every limit: the application is named by the flag. Thresholds and limits are buckets plus one, so that none is
 * negative: HAProxy 2.6 subtracts wrongly from a negative number.
 */
const ALWAYS = 0
/** Above every limit: the application is opted out. */
const NEVER = 1_000_000
const EVERY_BUCKET = 100_000
const ACTOR = 'Authn::OauthApplication:'

/**
 * Builds the map of a snapshot, given as its lines. Without a snapshot (`undefined`) the map says that no client can be
 * looked up, and every request without a credential of IAM goes to legacy.
 */
export function routingMap(lines: Iterable<SnapshotLine> | undefined, isBrakeOn: boolean): RoutingMap {
  const map = new Map<string, string>()
  const brake = isBrakeOn ? 'on' : 'off'
  if (lines === undefined) return map.set(STATE_KEY, `1:${brake}:unavailable:null`)
  let named = new Set<string>()
  let optedOut = new Set<string>()
  for (const line of lines) {
    if (line.type === 'begin') {
      const gates = line.flags[ROUTING_FLAG]
      named = new Set(gates?.actors)
      optedOut = new Set(gates?.opted_out)
      const unknown = line.flags[UNKNOWN_CLIENTS_FLAG]?.boolean ? 'gateway' : 'legacy'
      map.set(STATE_KEY, `${limitOf(gates)}:${brake}:${unknown}:${line.version}`)
    } else if (line.type === 'applications') {
      for (const [id, clientId, ready] of line.rows) {
        if (PLAIN_CLIENT_ID.test(clientId)) map.set(clientId, `${id}:${thresholdOf(id, named, optedOut)}:${ready}`)
      }
    }
  }
  return map
}

/** `bucket < percentage * 1000`, as a limit for whole numbers, plus one. */
function limitOf(gates: { readonly boolean: boolean; readonly percentage_of_actors: number } | undefined): number {
  if (gates === undefined) return 1
  return 1 + (gates.boolean ? EVERY_BUCKET : Math.min(EVERY_BUCKET, Math.ceil(gates.percentage_of_actors * 1_000)))
}

function thresholdOf(id: number, named: ReadonlySet<string>, optedOut: ReadonlySet<string>): number {
  const actor = ACTOR + id
  if (optedOut.has(actor)) return NEVER
  return named.has(actor) ? ALWAYS : bucketOf(ROUTING_FLAG, actor) + 1
}

/** The text of a map file: one entry a line. */
export function mapFile(map: RoutingMap): string {
  let text = ''
  for (const [key, value] of map) text += `${key} ${value}\n`
  return text
}

/** A step from one map to the next. */
export type MapChange =
  | { readonly kind: 'none' }
  /** Entries that may change one after the other: each step in between routes every request as before or as after. */
  | {
      readonly kind: 'entries'
      readonly set: ReadonlyArray<readonly [key: string, value: string]>
      readonly added: ReadonlyArray<readonly [key: string, value: string]>
      readonly removed: readonly string[]
    }
  /** The maps differ too much, or in ways that must become visible at once. */
  | { readonly kind: 'replace' }

/** More changed entries than this are faster to replace as a whole. */
const MOST_ENTRIES = 500

/**
 * Plans how to get from the map that HAProxy holds to the wanted one. Entries of applications and the part of the state
 * that routing depends on never change one by one in the same step: a request in between would go where neither map
 * sends it.
 */
export function planChange(held: RoutingMap, wanted: RoutingMap): MapChange {
  const set: Array<readonly [string, string]> = []
  const added: Array<readonly [string, string]> = []
  for (const [key, value] of wanted) {
    if (key === STATE_KEY) continue
    const before = held.get(key)
    if (before === value) continue
    if (before === undefined) added.push([key, value])
    else set.push([key, value])
    if (set.length + added.length > MOST_ENTRIES) return { kind: 'replace' }
  }
  const removed: string[] = []
  if (held.size + added.length !== wanted.size) for (const key of held.keys()) if (!wanted.has(key)) removed.push(key)
  const before = held.get(STATE_KEY)
  const after = wanted.get(STATE_KEY)
  const entries = set.length + added.length + removed.length
  if (before === undefined || after === undefined || removed.length > MOST_ENTRIES) return { kind: 'replace' }
  if (entries > 0 && withoutVersion(before) !== withoutVersion(after)) return { kind: 'replace' }
  if (before !== after) set.push([STATE_KEY, after])
  return entries === 0 && before === after ? { kind: 'none' } : { kind: 'entries', set, added, removed }
}

function withoutVersion(state: string): string {
  return state.slice(0, state.lastIndexOf(':'))
}
