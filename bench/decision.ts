// Measures the cost of one decision, and the memory of one application, at several sizes of the platform. Prints one
// table. The memory column requires --expose-gc, which the scripts pass on.

import { randomBytes } from 'node:crypto'
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
const ROUNDS = 7
const DECISIONS = 200_000

interface DecisionFigures {
  readonly applications: number
  readonly decideNs: number
  readonly factsAndDecideNs: number
  readonly bytesPerApplication: number
}

/** Measures `decide` on facts already read, and together with reading a POST's form, best of several rounds. */
export function measureDecision(applications: number): DecisionFigures {
  const before = heapUsed()
  const snapshot = new Snapshot({
    type: 'begin',
    format: 1,
    environment: 'production',
    version: 1,
    brake: false,
    flags: {
      [ROUTING_FLAG]: {
        boolean: false,
        actors: ['Authn::OauthApplication:3'],
        percentage_of_actors: 50,
        opted_out: [],
      },
    },
  })
  const asked: string[] = []
  for (let id = 1; id <= applications; ) {
    // Ids are parsed from JSON text, as in the stream, so that they take as much memory as real ones.
    const rows: ApplicationRow[] = []
    for (let row = 0; row < SNAPSHOT_CHUNK && id <= applications; row++, id++)
      rows.push([id, randomBytes(32).toString('hex'), 1])
    const read = JSON.parse(JSON.stringify(rows)) as ApplicationRow[]
    snapshot.add(read)
    for (const [, clientId] of read) if (asked.length < 4_096) asked.push(clientId)
  }
  const weight = heapUsed() - before
  const queries = asked.map((clientId) =>
    Buffer.from(`grant_type=client_credentials&client_id=${clientId}&client_secret=gloas-${'0'.repeat(64)}`),
  )
  const context = {
    hasIam: true,
    brake: false,
    iamAvailable: true,
    unknownClientsToIam: false,
    lookUp: (clientId: string) => snapshot.lookUp(clientId),
  }
  const facts: Facts[] = queries.map((body) => readFacts(partsOf(body), MARKS, 0))
  const decideNs = best((index) => decide(facts[index % facts.length] as Facts, context).destination === 'iam')
  const factsAndDecideNs = best(
    (index) =>
      decide(readFacts(partsOf(queries[index % queries.length] as Buffer), MARKS, 0), context).destination === 'iam',
  )
  return { applications, decideNs, factsAndDecideNs, bytesPerApplication: weight / applications }
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

/** Nanoseconds per call, best of several rounds. */
function best(call: (index: number) => boolean): number {
  let least = Number.POSITIVE_INFINITY
  let on = 0
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.hrtime.bigint()
    for (let index = 0; index < DECISIONS; index++) if (call(index)) on++
    least = Math.min(least, Number(process.hrtime.bigint() - from) / DECISIONS)
  }
  if (on === 0) throw new Error('no decision went to IAM: the measurement is broken')
  return least
}

function heapUsed(): number {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

if (import.meta.main) {
  console.log('applications   decide ns   facts + decide ns   bytes per application')
  for (const applications of [1_000, 100_000, 1_000_000]) {
    const figures = measureDecision(applications)
    console.log(
      `${String(applications).padStart(12)}   ${figures.decideNs.toFixed(0).padStart(9)}   ${figures.factsAndDecideNs.toFixed(0).padStart(17)}   ${figures.bytesPerApplication.toFixed(0).padStart(21)}`,
    )
  }
}
