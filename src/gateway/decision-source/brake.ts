import { stat } from 'node:fs/promises'
import type { Log } from '../../observability/index.ts'
import type { DecisionSource } from './source.ts'

const POLL_MS = 200

/** What can hold the brake: this process's switch (admin port, signals), its file, the control plane. */
export const BRAKE_HOLDERS = ['switch', 'file', 'control_plane'] as const
export type BrakeHolder = (typeof BRAKE_HOLDERS)[number]

/** Lists everything that holds the brake, this gateway's own holders and the control plane; empty while it is off. */
export function brakeHolders(brake: Brake, source: Pick<DecisionSource, 'brake'>): readonly BrakeHolder[] {
  return [...brake.heldBy, ...(source.brake ? ['control_plane' as const] : [])]
}

/** The brake of this gateway: a switch in memory, and a file that holds the brake while it exists. */
export class Brake {
  readonly #file: string | undefined
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #switch = false
  #hasFile = false
  #isClosed = false

  constructor(file: string | undefined, log: Log, isSwitchedOn = false) {
    this.#file = file
    this.#log = log
    this.#switch = isSwitchedOn
  }

  /** Checks the file once, then keeps polling it. */
  async start(): Promise<void> {
    if (this.#file === undefined) return
    await this.#look(this.#file)
    this.#watch(this.#file)
  }

  get isOn(): boolean {
    return this.#switch || this.#hasFile
  }

  /** This gateway's own holders of the brake. */
  get heldBy(): readonly BrakeHolder[] {
    return [...(this.#switch ? ['switch' as const] : []), ...(this.#hasFile ? ['file' as const] : [])]
  }

  /** Turns the switch on or off; a brake held by its file stays on. */
  set(on: boolean, by: string): void {
    if (this.#switch !== on) this.#log.warn({ by, on }, on ? 'brake on' : 'brake off')
    this.#switch = on
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  #watch(file: string): void {
    this.#timer = setTimeout(async () => {
      await this.#look(file)
      if (!this.#isClosed) this.#watch(file)
    }, POLL_MS).unref()
  }

  async #look(file: string): Promise<void> {
    const found = await stat(file).then(
      () => true,
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' || error.code === 'ENOTDIR' ? false : undefined),
    )
    // A disk error says nothing about the brake, so its state stays unchanged.
    if (found === undefined || found === this.#hasFile) return
    this.#hasFile = found
    this.#log.warn({ by: 'file', on: found }, found ? 'brake on' : 'brake off')
  }
}
