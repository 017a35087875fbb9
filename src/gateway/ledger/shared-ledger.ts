import type { Log } from '../../observability/index.ts'
import type { Destination } from '../../routing/index.ts'

/** A ledger that several gateways share. No method ever throws or rejects. */
export interface SharedLedger {
  /** Publishes an entry to the other gateways; `lifetime` is in seconds. */
  set(hash: Buffer, side: Destination, lifetime: number): void
  /** Resolves once everything is published, or the time limit has passed; undefined if nothing is pending. */
  settled(): Promise<void> | undefined
  get(hash: Buffer): Promise<Destination | undefined | 'unreachable'>
  close(): Promise<void>
}

const NAME = 'handover:issuer:'
const CONNECT_MS = 2_000
const RETRY_MS = 1_000
/** Maximum delay that the ledger may add to a request. */
const ANSWER_MS = 250
const LETTER = { legacy: 'l', iam: 'i' } as const

/**
 * Opens a ledger in Redis or Valkey: one key per credential, named by a keyed hash, that expires with the credential.
 * It connects in the background and reconnects whenever the connection is lost; until then it is unreachable. Rejects
 * if the client library is not installed or the URL is invalid.
 *
 * @param url `redis://` or `rediss://`, with user, password and database as needed
 */
export async function openSharedLedger(url: string, log: Log): Promise<SharedLedger> {
  const { createClient } = await import('@redis/client')
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: { connectTimeout: CONNECT_MS, reconnectStrategy: RETRY_MS },
    commandOptions: { timeout: ANSWER_MS },
  })
  let isLost = false
  client.on('error', (error: NodeJS.ErrnoException) => {
    if (!isLost) log.error({ cause: error.code ?? error.name }, 'the shared ledger cannot be reached')
    isLost = true
  })
  client.on('ready', () => {
    if (isLost) log.info('the shared ledger can be reached again')
    isLost = false
  })
  client.connect().catch(() => {})
  let telling: Promise<void> | undefined
  return {
    set(hash, side, lifetime) {
      const expiration = { type: 'EX', value: Math.ceil(lifetime) } as const
      // Redis responds in order, so the last response covers all earlier ones.
      const told = withinTime(client.set(nameOf(hash), LETTER[side], { expiration }))
        .catch(() => {})
        .then(() => {
          if (telling === told) telling = undefined
        })
      telling = told
    },
    settled: () => telling,
    async get(hash) {
      try {
        const letter = await withinTime(client.get(nameOf(hash)))
        return letter === LETTER.iam ? 'iam' : letter === LETTER.legacy ? 'legacy' : undefined
      } catch {
        return 'unreachable'
      }
    },
    async close() {
      client.destroy()
    },
  }
}

function nameOf(hash: Buffer): string {
  return NAME + hash.subarray(0, 16).toString('base64url')
}

function withinTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the shared ledger did not answer in time')), ANSWER_MS)
  })
  return Promise.race([answer, late]).finally(() => clearTimeout(timer))
}
