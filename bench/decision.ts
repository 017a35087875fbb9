// Measures the cost of one decision, and the memory of one application, at several sizes of the platform. Prints one
// table. The memory column requires --expose-gc, which the scripts pass on.

import { createHash } from 'node:crypto'
import {
  type ApplicationRow,
  decide,
  type Facts,
  type RequestParts,
  ROUTING_FLAG,
  readFacts,
  SNAPSHOT_CHUNK,
  Snapshot,
} from '../src/routing/index.ts'

const MARKS = { extraIamPrefixes: [], iamJwtIssuer: undefined, legacyJwtIssuer: undefined, verifierKey: undefined }
const ROUNDS = 15
const ASKED = 1 << 16
const PIECE = 1 << 13
const FLUSH = Buffer.alloc(64 << 20)
const ID_LENGTH = 64

/** Nanoseconds of `decide` on facts already read, and together with reading a POST's form. */
export interface DecisionFigures {
  readonly decideNs: number
  readonly factsAndDecideNs: number
}

/** The client_id of the application with this id, as the measurements use it. */
export function clientIdOf(id: number): string {
  return createHash('sha256').update(String(id)).digest('hex')
}

/**
 * Measures decisions for 65,536 applications spread over all of them, in random order. Each
 * call gets a new string, as from a request; what it costs to make it is subtracted.
 */
export function measureDecisions(snapshot: Pick<Snapshot, 'lookUp'>, applications: number): DecisionFigures {
  const asked = Buffer.alloc(ASKED * ID_LENGTH)
  for (let index = 0; index < ASKED; index++) {
    asked.write(clientIdOf(1 + Math.floor(Math.random() * applications)), index * ID_LENGTH)
  }
  const context = {
    hasIam: true,
    brake: false,
    iamAvailable: true,
    unknownClientsToIam: false,
    lookUp: (clientId: string) => snapshot.lookUp(clientId),
  }
  const idAt = (index: number) => asked.toString('latin1', index * ID_LENGTH, (index + 1) * ID_LENGTH)
  const form = (clientId: string) =>
    partsOf(Buffer.from(`grant_type=client_credentials&client_id=${clientId}&client_secret=gloas-${'0'.repeat(64)}`))
  const facts = readFacts(form(clientIdOf(1)), MARKS, 0)
  const factsOf = (index: number): Facts => ({ ...facts, clientId: idAt(index) })
  const partsAt = (index: number) => form(idAt(index))
  return {
    decideNs: best(factsOf, (each) => decide(each, context).destination === 'iam'),
    factsAndDecideNs: best(partsAt, (each) => decide(readFacts(each, MARKS, 0), context).destination === 'iam'),
  }
}

/** A snapshot with this many applications, half of which are on IAM by percentage. */
function snapshotOf(applications: number): Snapshot {
  const gates = { boolean: false, actors: ['Authn::OauthApplication:3'], percentage_of_actors: 50, opted_out: [] }
  const snapshot = new Snapshot({
    ...{ type: 'begin', format: 1, environment: 'production', version: 1, brake: false },
    flags: { [ROUTING_FLAG]: gates },
  })
  for (let id = 1; id <= applications; ) {
    const rows: ApplicationRow[] = []
    for (let row = 0; row < SNAPSHOT_CHUNK && id <= applications; row++, id++) rows.push([id, clientIdOf(id), 1])
    snapshot.add(rows)
  }
  return snapshot
}

function partsOf(body: Buffer): RequestParts {
  return {
    endpoint: 'token',
    method: 'POST',
    query: '',
    contentType: 'application/x-www-form-urlencoded',
    authorization: undefined,
    hasRepeatedHeader: false,
    body,
  }
}

/**
 * CPU nanoseconds of this thread per call, without those of making its input. The calls are measured in pieces that are
 * shorter than a time slice of the system, and the best round counts for each piece.
 */
function best<Input extends object>(inputOf: (index: number) => Input, call: (input: Input) => boolean): number {
  let [sum, on, inputs] = [0, 0, 0]
  for (let piece = 0; piece < ASKED; piece += PIECE) {
    let [made, called] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let round = 0; round < ROUNDS; round++) {
      const from = threadCpuNs()
      for (let index = piece; index < piece + PIECE; index++) if (inputOf(index)) inputs++
      const between = threadCpuNs()
      for (let index = piece; index < piece + PIECE; index++) if (call(inputOf(index))) on++
      made = Math.min(made, between - from)
      called = Math.min(called, threadCpuNs() - between)
      // The next round finds the processor's caches filled with something else.
      FLUSH.fill(round)
    }
    sum += called - made
  }
  if (on === 0 || inputs === 0) throw new Error('no decision went to IAM: the measurement is broken')
  return sum / ASKED
}

function threadCpuNs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) * 1_000
}

/** Bytes in use, on the heap and outside of it; exact with --expose-gc only. */
export function bytesInUse(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

if (import.meta.main) {
  console.log('applications   decide ns   facts + decide ns   bytes per application')
  for (const applications of [1_000, 100_000, 1_000_000]) {
    const before = bytesInUse()
    const snapshot = snapshotOf(applications)
    const bytes = (bytesInUse() - before) / applications
    const { decideNs, factsAndDecideNs } = measureDecisions(snapshot, applications)
    console.log(
      `${String(applications).padStart(12)}   ${decideNs.toFixed(0).padStart(9)}   ${factsAndDecideNs.toFixed(0).padStart(17)}   ${bytes.toFixed(0).padStart(21)}`,
    )
  }
}
