import { randomBytes } from 'node:crypto'
import type { DemoApplication } from './application.ts'
import type { DemoTokens, PendingDevice, PendingSignIn } from './flows.ts'

/** Tokens that a visitor keeps until they remove them, even after revocation. */
export interface Account {
  readonly id: string
  readonly application: DemoApplication
  tokens: DemoTokens
  isRevoked: boolean
  /** The result of the last action, shown once. */
  shown?: { readonly action: string; readonly value: unknown } | undefined
}

/** A sign-in by its `state`; the response may arrive twice if a button was pressed twice. */
export interface SignIn extends PendingSignIn {
  account?: Promise<Account> | undefined
}

/** The pending sign-ins and the tokens of one browser, shared by all its tabs. */
export interface Visit {
  readonly signIns: Map<string, SignIn>
  readonly devices: Map<string, PendingDevice>
  readonly accounts: Map<string, Account>
}

const MOST_VISITS = 1_000
const MOST_SIGN_INS = 50
const MOST_DEVICES = 5
const MOST_ACCOUNTS = 20

/** The visits of all browsers; the oldest are dropped when there are too many. */
export class Visits {
  readonly #visits = new Map<string, Visit>()

  find(id: string | undefined): Visit | undefined {
    return id === undefined ? undefined : this.#visits.get(id)
  }

  begin(): { readonly id: string; readonly visit: Visit } {
    const id = newId()
    const visit: Visit = { signIns: new Map(), devices: new Map(), accounts: new Map() }
    keep(this.#visits, id, visit, MOST_VISITS, ({ devices }) => {
      for (const device of devices.values()) device.stop()
    })
    return { id, visit }
  }
}

export function keepSignIn(visit: Visit, pending: PendingSignIn): void {
  keep(visit.signIns, pending.state, { ...pending }, MOST_SIGN_INS)
}

/** Returns the id of the device in its visit. */
export function keepDevice(visit: Visit, device: PendingDevice): string {
  const id = newId()
  keep(visit.devices, id, device, MOST_DEVICES, (oldest) => oldest.stop())
  return id
}

export function keepAccount(visit: Visit, application: DemoApplication, tokens: DemoTokens): Account {
  const account: Account = { id: newId(), application, tokens, isRevoked: false }
  keep(visit.accounts, account.id, account, MOST_ACCOUNTS)
  return account
}

function newId(): string {
  return randomBytes(16).toString('hex')
}

function keep<T>(map: Map<string, T>, id: string, value: T, most: number, drop: (value: T) => void = () => {}): void {
  map.set(id, value)
  for (const [oldest, dropped] of map) {
    if (map.size <= most) break
    map.delete(oldest)
    drop(dropped)
  }
}
