// One process that observes at a steady rate and reports to the control plane as a gateway does.
import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { OutcomeBuffer, OutcomeSender, type ReadyBatch } from '../../src/gateway/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { type Observation, type ObservedRequest, testObservation } from '../../src/outcomes/index.ts'

/** What to send, and where. */
export interface SenderPlan {
  readonly url: string
  readonly token: string
  /** Observations a second. */
  readonly rate: number
  readonly seconds: number
  readonly applications: number
}

/** What was sent; times in milliseconds from the end of an exchange until the control plane had taken it. */
export interface Sent {
  readonly observations: number
  readonly accepted: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const REQUESTS: readonly ObservedRequest[] = ['refresh_token', 'client_credentials', 'introspect', 'authorization_code']
const CALLERS = Array.from({ length: 500 }, hash)
const TICK_MS = 20
const FAILING = 0.01
const SETTLE_LIMIT_MS = 20_000

/** A buffer that notes how long each observation waited until its batch was answered: the feed has it by then. */
class TimedBuffer extends OutcomeBuffer {
  readonly waits: number[] = []
  readonly endedAt: number[] = []
  #sent: ReadyBatch | undefined
  #timed = 1

  override ready(from: number, now: number): ReadyBatch {
    this.#sent = super.ready(from, now)
    return this.#sent
  }

  override stored(before: number): void {
    const now = performance.now()
    const until = this.#sent === undefined ? 1 : this.#sent.first + this.#sent.count
    for (; this.#timed < until; this.#timed++) this.waits.push(now - (this.endedAt[this.#timed - 1] as number))
    super.stored(before)
  }
}

function hash(): string {
  return randomBytes(16).toString('hex')
}

/** Few applications have most of the traffic. Every outcome is a grant of its own. */
function observation(number: number, applications: number): Observation {
  const isFailed = Math.random() < FAILING
  const request = REQUESTS[number % REQUESTS.length] as ObservedRequest
  return testObservation({
    ...{ at: performance.timeOrigin + performance.now(), request, side: number % 2 === 0 ? 'iam' : 'rails' },
    applicationId: 1 + Math.floor(Math.random() ** 3 * applications),
    ...{ presented: hash(), caller: request === 'client_credentials' ? hash() : (CALLERS[number % 500] as string) },
    issued: request === 'introspect' ? [] : [{ type: 'refresh_token', hash: hash(), lifetime: 0 }],
    ...{ status: isFailed ? 503 : 200, isGranted: !isFailed, requestId: randomUUID() },
  })
}

async function send({ url, token, rate, seconds, applications }: SenderPlan): Promise<Sent> {
  const buffer = new TimedBuffer()
  const target = { url, token, environment: 'production', instance: randomUUID() }
  const sender = new OutcomeSender(target, buffer, silentLog)
  const from = performance.now()
  for (let made = 0; made < rate * seconds; await sleep(TICK_MS)) {
    const due = Math.min(rate * seconds, Math.floor(((performance.now() - from) / 1_000) * rate))
    for (; made < due; made++) {
      buffer.endedAt.push(performance.now())
      buffer.add(observation(made, applications), performance.now())
    }
  }
  const until = performance.now() + SETTLE_LIMIT_MS
  while (buffer.oldest < buffer.next && performance.now() < until) await sleep(TICK_MS)
  await sender.close()
  const waits = buffer.waits.sort((one, other) => one - other)
  const at = (share: number) => waits[Math.floor(waits.length * share)] ?? Number.NaN
  return { observations: buffer.next - 1, accepted: waits.length, p50Ms: at(0.5), p99Ms: at(0.99) }
}

const sent = await send(JSON.parse(process.argv[2] ?? '{}') as SenderPlan)
process.send?.(sent, () => process.disconnect())
