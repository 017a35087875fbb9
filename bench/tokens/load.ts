import { setTimeout as sleep } from 'node:timers/promises'
import { openConnection, type WireAnswer, type WireConnection } from './wire.ts'

/** The repeated requests to a server. A slot is one connection; requests of one slot are sequential. */
export interface Workload {
  /** The next request of a slot. */
  request(slot: number): Buffer
  /** Receives the response before the slot's next request is created. */
  answered?(slot: number, answer: WireAnswer): void
}

/** Slots of the closed loop; as many as in the gateway's benchmark. */
export const CLOSED_SLOTS = 32
/** Slots of the open loop: enough for each arrival to find a free one, unless the server stalls. */
export const OPEN_SLOTS = 64

/**
 * Sends `count` requests over 32 connections as fast as they are answered; returns requests per second. Throws unless
 * all responses are 2xx.
 */
export async function saturate(port: number, workload: Workload, count: number): Promise<number> {
  const connections = await openAll(port, CLOSED_SLOTS)
  let left = count
  const startedAt = performance.now()
  const slot = async (connection: WireConnection, index: number) => {
    while (left-- > 0) await exchange(connection, workload, index)
  }
  try {
    await Promise.all(connections.map(slot))
  } finally {
    for (const connection of connections) connection.close()
  }
  return count / ((performance.now() - startedAt) / 1_000)
}

/** The latencies, in milliseconds. */
export interface Latency {
  readonly p50: number
  readonly p99: number
}

/**
 * Sends requests at a fixed rate for `seconds`, whether or not the server keeps up. Latency counts from the time a
 * request was due, so that a stall counts for every request that it delays. Throws unless all responses are 2xx.
 */
export async function arriveAt(port: number, workload: Workload, rate: number, seconds: number): Promise<Latency> {
  const connections = await openAll(port, OPEN_SLOTS)
  const free = connections.map((_, index) => index)
  const due: number[] = []
  const times: number[] = []
  let fault: unknown
  const send = (slot: number, dueAt: number): void => {
    exchange(connections[slot] as WireConnection, workload, slot).then(
      () => {
        times.push(performance.now() - dueAt)
        const next = due.shift()
        if (next === undefined) free.push(slot)
        else send(slot, next)
      },
      (error: unknown) => {
        fault ??= error
      },
    )
  }
  const total = Math.round(rate * seconds)
  const startedAt = performance.now()
  try {
    for (let sent = 0; sent < total && fault === undefined; ) {
      const now = performance.now()
      for (; sent < total && startedAt + (sent * 1_000) / rate <= now; sent++) {
        const dueAt = startedAt + (sent * 1_000) / rate
        const slot = free.shift()
        if (slot === undefined) due.push(dueAt)
        else send(slot, dueAt)
      }
      await sleep(1)
    }
    while (times.length < total && fault === undefined) await sleep(5)
  } finally {
    for (const connection of connections) connection.close()
  }
  if (fault !== undefined) throw fault
  times.sort((left, right) => left - right)
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

async function exchange(connection: WireConnection, workload: Workload, slot: number): Promise<void> {
  const answer = await connection.exchange(workload.request(slot))
  if (answer.status >= 300) throw new Error(`answered ${answer.status}: ${answer.body.slice(0, 200)}`)
  workload.answered?.(slot, answer)
}

function openAll(port: number, count: number): Promise<WireConnection[]> {
  return Promise.all(Array.from({ length: count }, () => openConnection(port)))
}
