import type { Seed } from './seed.ts'
import type { Send } from './transport.ts'

/** A server under the contract. */
export interface Target {
  readonly base: URL
  readonly seed: Seed
  readonly send: Send
  /**
   * Whether it hands sign-in and consent off to another server of the same origin, so that a browser's walk is needed.
   */
  readonly handsOff: boolean
}

/** The server lacks the test control that a scenario needs. */
export class ControlMissing extends Error {
  constructor(path: string) {
    super(`the server has no ${path}`)
    this.name = 'ControlMissing'
  }
}

/** Deletes every token, code and consent of the server; does nothing if it has no such control. */
export async function resetTarget(target: Target): Promise<void> {
  await target.send({ method: 'POST', target: '/__lab/reset', body: '' })
}

/** Ages everything that the server has issued. Throws `ControlMissing` if it cannot. */
export async function advanceTarget(target: Target, seconds: number): Promise<void> {
  const path = `/__lab/advance?seconds=${seconds}`
  const { status } = await target.send({ method: 'POST', target: path, body: '' })
  if (status === 404) throw new ControlMissing('/__lab/advance')
  if (status >= 300) throw new Error(`POST ${path} answered ${status}`)
}
