import type { Log } from '../../observability/index.ts'
import type { Destination } from '../../routing/index.ts'

/** A ledger that several gateways share. Neither call ever throws or rejects. */
export interface SharedLedger {
  /** Tells the others. */
  set(hash: Buffer, side: Destination, lifetime: number): void
  /** Resolves when the others have been told all of it, or could not be in time; undefined when there is nothing to tell. */
  settled(): Promise<void> | undefined
  get(hash: Buffer): Promise<Destination | undefined | 'unreachable'>
  close(): Promise<void>
}

const NAME = 'handover:issuer:'
const CONNECT_MS = 2_000
const RETRY_MS = 1_000
/** What the ledger may cost a request. */
const ANSWER_MS = 250
const LETTER = { legacy: 'l', iam: 'i' } as const

/**
 * Opens a ledger in Redis or Valkey: a key for each credential, named by a keyed hash, with the credential's lifetime.
 * It connects in the background and again whenever the connection is lost; until then it is unreachable.
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
      // Redis answers in the order it was asked, so the last one stands for all.
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
