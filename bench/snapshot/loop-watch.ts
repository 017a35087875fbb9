/** Notices how long the event loop was occupied at a stretch, by wall clock and by the thread's own CPU time. */
export class LoopWatch {
  readonly #timer: NodeJS.Timeout
  #at = performance.now()
  #cpu = threadCpuMs()
  #began = { at: this.#at, cpu: this.#cpu }
  #longest = { wall: 0, cpu: 0 }

  constructor() {
    this.#timer = setInterval(() => this.#look(), 1)
  }

  /** Milliseconds since the start, and of the longest stretch. */
  end() {
    this.#look()
    clearInterval(this.#timer)
    return {
      wallMs: this.#at - this.#began.at,
      cpuMs: this.#cpu - this.#began.cpu,
      longestWallMs: this.#longest.wall,
      longestCpuMs: this.#longest.cpu,
    }
  }

  #look(): void {
    const [at, cpu] = [performance.now(), threadCpuMs()]
    this.#longest.wall = Math.max(this.#longest.wall, at - this.#at)
    this.#longest.cpu = Math.max(this.#longest.cpu, cpu - this.#cpu)
    this.#at = at
    this.#cpu = cpu
  }
}

/** What {@link LoopWatch.end} returns. */
export type LoopFigures = ReturnType<LoopWatch['end']>

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1_000
}
