import { randomBytes, randomUUID } from 'node:crypto'
import { type ExchangeRecord, inspectResponse, OutcomeBuffer, OutcomeCollector } from '../../src/gateway/index.ts'
import { silentLog } from '../../src/observability/index.ts'
import { writeBatch } from '../../src/outcomes/index.ts'

const APPLICATIONS = 5_000
/** Few enough to stay in the processor's cache, as an exchange that has just ended is. */
const EXCHANGES = 400
const REPEATS = 50
const ROUNDS = 40
const HEAD = { instance: 'bench', environment: 'production', oldest: 1, sentAt: 1, isComplete: true }
const GRANT_TYPES = ['refresh_token', 'client_credentials', 'authorization_code'] as const

/** The CPU time that a gateway spends on one observed exchange, up to the body of its batch, in microseconds: best of several rounds. */
export function measureGatewayCost(): number {
  const buffer = new OutcomeBuffer()
  const collector = new OutcomeCollector(randomBytes(32), undefined, silentLog, buffer)
  const exchanges = Array.from({ length: EXCHANGES }, (_, number) => exchange(number))
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage()
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const [record, applicationId] of exchanges) collector.record(record, applicationId)
    }
    const now = performance.now()
    while (buffer.oldest < buffer.next) {
      const { first, count, lines } = buffer.ready(buffer.oldest, now)
      writeBatch({ ...HEAD, first }, lines)
      buffer.stored(first + count)
    }
    const { user, system } = process.cpuUsage(before)
    best = Math.min(best, (user + system) / (EXCHANGES * REPEATS))
  }
  return best
}

/** A token response or an introspection, as the gateway records it, with credentials of the usual length. */
function exchange(number: number): readonly [ExchangeRecord, number] {
  const applicationId = 1 + (number % APPLICATIONS)
  const isIntrospection = number % 4 === 3
  const grantType = GRANT_TYPES[number % 4]
  const presented = grantType === 'client_credentials' ? undefined : randomBytes(32).toString('hex')
  const issued = {
    ...{ access_token: randomBytes(32).toString('hex'), token_type: 'Bearer', expires_in: 7_200 },
    ...(presented === undefined ? {} : { refresh_token: randomBytes(32).toString('hex') }),
    ...{ scope: 'read_user', created_at: 1_800_000_000 },
  }
  const endpoint = isIntrospection ? 'introspect' : 'token'
  const response = inspectResponse({} as never, {
    endpoint,
    side: 'legacy',
    status: 200,
    isJson: true,
    headers: [],
    mayHandOver: false,
  })
  response?.see(Buffer.from(JSON.stringify(issued)))
  const clientId = `client-${applicationId}`
  const record: ExchangeRecord = {
    ...{ method: 'POST', path: `/oauth/${endpoint}`, correlationId: randomUUID(), endpoint, clientId, applicationId },
    ...{
      network: `192.0.2.${number % 250}`,
      destination: 'legacy',
      reason: 'flag_disabled',
      flagVersion: 1,
      isBrakeOn: false,
    },
    ...{ status: 200, durationMs: 12.5, oauthError: undefined, granted: !isIntrospection, ending: 'complete' },
    facts: {
      ...{
        endpoint,
        clientId,
        fault: undefined,
        credential: 'unknown',
        presented,
        grantType,
        ...{ hasGenuineVerifier: false, affinity: undefined, startsFlow: false },
      },
      asked: { scope: 123_456_789, redirectUri: 987_654_321, form: 192_837_465 },
    },
    response,
  }
  return [record, applicationId]
}
