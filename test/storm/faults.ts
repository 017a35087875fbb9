import type { FaultMode } from '../support/fault-proxy.ts'
import { untilReady } from '../support/wait.ts'
import type { Lab, Part } from './lab.ts'
import type { Random } from './random.ts'
import type { Holder, Outage } from './walk.ts'

/** A fault, and the failures that it explains. */
interface FaultKind {
  readonly name: string
  /** The requests that it may make fail. A dead control plane excuses no failure. */
  readonly strikes: 'iam' | 'legacy' | 'nobody' | 'second gateway'
  run(lab: Lab, milliseconds: number): Promise<void>
}

interface Spell {
  readonly kind: FaultKind
  readonly from: number
  to: number
}

/** After a fault has ended, connections are reopened and circuits close. */
const GRACE_MS = 4_000
/** Faults that may cut a response after it has begun. */
const CUTS: ReadonlySet<string> = new Set(['iam closes within the body', 'iam is killed', 'iam closes at once'])

const proxy = (mode: FaultMode): FaultKind => ({
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

/** The injected faults. */
const KINDS: readonly [FaultKind, ...FaultKind[]] = [
  proxy('refuses'),
  proxy('closes at once'),
  proxy('closes within the head'),
  proxy('closes within the body'),
  proxy('hangs before the head'),
  proxy('answers 500'),
  proxy('answers 503'),
  proxy('answers garbage'),
  proxy('is slow'),
  killed('iam is killed', 'iam', (lab) => lab.iam),
  stopped('iam hangs', 'iam', (lab) => lab.iam),
  killed('control plane is killed', 'nobody', (lab) => lab.control),
  stopped('control plane hangs', 'nobody', (lab) => lab.control),
  killed('second gateway is killed', 'second gateway', (lab) => lab.gateways[1]),
]

/** Injects one fault after the other, and records when each was active. */
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

  /** Starts; each fault lasts one to four seconds, with a pause of up to three seconds between two. */
  start(onFault: (name: string) => void): void {
    this.#running = this.#run(onFault)
  }

  /** Ends the current fault and waits until all components are healthy again. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#running
    for (const url of this.#lab.gatewayAdminUrls) await untilReady(`${url}/readyz`)
  }

  get count(): number {
    return this.#spells.length
  }

  /** Returns the faults that were active during a period; times are from `performance.now()`. */
  during(from: number, to: number): string[] {
    return this.#spells.filter((spell) => spell.from <= to && spell.to + GRACE_MS >= from).map(({ kind }) => kind.name)
  }

  /**
   * Whether a fault explains an outage: the 503 with Retry-After, or a lost connection, for a request that only the
   * affected side can answer. A new flow falls back to legacy, so no fault of IAM excuses its failure, except for a
   * response that was cut after it had begun.
   */
  isExcused(holder: Holder, outage: Outage, gateway: number, from: number, to: number): boolean {
    return this.#spells.some(({ kind, from: begun, to: ended }) => {
      if (begun > to || ended + GRACE_MS < from) return false
      if (kind.strikes === 'second gateway') return gateway === 1 && outage === 'lost'
      if (kind.strikes === 'legacy') return holder !== 'iam'
      if (kind.strikes !== 'iam') return false
      if (outage === 'lost') return CUTS.has(kind.name)
      // The monolith's hand-off pages respond 502 if IAM does not answer them.
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
