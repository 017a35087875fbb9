import type { FaultMode } from '../support/fault-door.ts'
import { untilReady } from '../support/wait.ts'
import type { Lab, Part } from './lab.ts'
import type { Random } from './random.ts'
import type { Holder, Outage } from './walk.ts'

/** A fault, and what it can be blamed for. */
interface FaultKind {
  readonly name: string
  /** Whose requests it may keep from being answered. A dead control plane is no excuse for anybody. */
  readonly strikes: 'iam' | 'legacy' | 'nobody' | 'second gateway'
  run(lab: Lab, milliseconds: number): Promise<void>
}

interface Spell {
  readonly kind: FaultKind
  readonly from: number
  to: number
}

/** After a fault has ended, connections are made anew and circuits close. */
const GRACE_MS = 4_000
/** Faults during which an answer may break off after it began. */
const CUTS: ReadonlySet<string> = new Set(['iam closes within the body', 'iam is killed', 'iam closes at once'])

const door = (mode: FaultMode): FaultKind => ({
  name: `iam ${mode}`,
  strikes: 'iam',
  async run(lab, milliseconds) {
    await lab.iamDoor.set(mode)
    await sleep(milliseconds)
    await lab.iamDoor.set('open')
  },
})

const killed = (name: string, strikes: FaultKind['strikes'], partOf: (lab: Lab) => Part): FaultKind => ({
  ...{ name, strikes },
  async run(lab, milliseconds) {
    const part = partOf(lab)
    part.kill('SIGKILL')
    await sleep(milliseconds)
    await part.start()
  },
})

const stopped = (name: string, strikes: FaultKind['strikes'], partOf: (lab: Lab) => Part): FaultKind => ({
  ...{ name, strikes },
  async run(lab, milliseconds) {
    partOf(lab).kill('SIGSTOP')
    await sleep(milliseconds)
    partOf(lab).kill('SIGCONT')
  },
})

/** The faults that come and go. */
const KINDS: readonly [FaultKind, ...FaultKind[]] = [
  door('refuses'),
  door('closes at once'),
  door('closes within the head'),
  door('closes within the body'),
  door('hangs before the head'),
  door('answers 500'),
  door('answers 503'),
  door('answers garbage'),
  door('is slow'),
  killed('iam is killed', 'iam', (lab) => lab.iam),
  stopped('iam hangs', 'iam', (lab) => lab.iam),
  killed('control plane is killed', 'nobody', (lab) => lab.control),
  stopped('control plane hangs', 'nobody', (lab) => lab.control),
  killed('second gateway is killed', 'second gateway', (lab) => lab.gateways[1]),
]

/** Faults that come one after the other, and the memory of when which was on. */
export class Faults {
  readonly #lab: Lab
  readonly #random: Random
  readonly #spells: Spell[] = []
  #isOver = false
  #running: Promise<void> = Promise.resolve()

  constructor(lab: Lab, random: Random) {
    this.#lab = lab
    this.#random = random
  }

  /** Begins; each fault lasts one to four seconds, with a pause of up to three between two. */
  start(onFault: (name: string) => void): void {
    this.#running = this.#run(onFault)
  }

  /** Ends the fault under way and waits until all parts are well again. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
    for (const url of this.#lab.gatewayAdminUrls) await untilReady(`${url}/readyz`)
  }

  get count(): number {
    return this.#spells.length
  }

  /** What was on while something happened; times as of `performance.now()`. */
  during(from: number, to: number): string[] {
    return this.#spells.filter((spell) => spell.from <= to && spell.to + GRACE_MS >= from).map(({ kind }) => kind.name)
  }

  /**
   * Whether a fault explains an outage: the 503 that says come again and a lost connection for what only the struck
   * side can answer. A new flow falls back to legacy, so nothing of IAM's excuses its failing, but for an answer that
   * had begun when it was cut.
   */
  isExcused(holder: Holder, outage: Outage, gateway: number, from: number, to: number): boolean {
    return this.#spells.some(({ kind, from: begun, to: ended }) => {
      if (begun > to || ended + GRACE_MS < from) return false
      if (kind.strikes === 'second gateway') return gateway === 1 && outage === 'lost'
      if (kind.strikes === 'legacy') return holder !== 'iam'
      if (kind.strikes !== 'iam') return false
      if (outage === 'lost') return CUTS.has(kind.name)
      // The monolith's pages of the hand-off say 502 when IAM does not answer them.
      return holder === 'either' || (holder === 'iam' && outage === 'refused')
    })
  }

  async #run(onFault: (name: string) => void): Promise<void> {
    while (!this.#isOver) {
      const kind = this.#random.pick(KINDS)
      const spell: Spell = { kind, from: performance.now(), to: Number.POSITIVE_INFINITY }
      this.#spells.push(spell)
      onFault(kind.name)
      await kind.run(this.#lab, 1_000 + this.#random.below(3_000))
      spell.to = performance.now()
      await sleep(this.#random.below(3_000))
    }
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
