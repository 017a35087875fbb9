import { stat } from 'node:fs/promises'
import type { Log } from '../observability/index.ts'

const POLL_MS = 200

/** The brake of this gateway: a switch in memory, and a file that means on while it exists. */
export class Brake {
  readonly #file: string | undefined
  readonly #log: Log
  #timer: NodeJS.Timeout | undefined
  #switch = false
  #hasFile = false
  #isClosed = false

  constructor(file: string | undefined, log: Log) {
    this.#file = file
    this.#log = log
  }

  /** Looks for the file once, then goes on looking. */
  async start(): Promise<void> {
    if (this.#file === undefined) return
    await this.#look(this.#file)
    this.#watch(this.#file)
  }

  get isOn(): boolean {
    return this.#switch || this.#hasFile
  }

  /** What holds the brake, for people. */
  get heldBy(): readonly string[] {
    return [...(this.#switch ? ['switch'] : []), ...(this.#hasFile ? ['file'] : [])]
  }

  /** Turns the switch; a brake held by its file stays on. */
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
    // A disk that does not answer says nothing about the brake.
    if (found === undefined || found === this.#hasFile) return
    this.#hasFile = found
    this.#log.warn({ by: 'file', on: found }, found ? 'brake on' : 'brake off')
  }
}
