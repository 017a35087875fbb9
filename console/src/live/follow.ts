import { EventStreamReader, type ServerEvent } from './event-stream.ts'

/** What a follower learns from the stream of changes. */
export type LiveMessage =
  /** Something arrived, at least a heartbeat: what the page shows is current. */
  | { readonly kind: 'heard' }
  | { readonly kind: 'changed'; readonly topics: readonly string[] }
  /** Changes may have been missed: everything must be read again. */
  | { readonly kind: 'reset' }
  /** The same, without having heard anything: another tab followed the stream until now. */
  | { readonly kind: 'taken_over' }
  | { readonly kind: 'session_ended' }

/** After this much silence the connection counts as broken. */
export const SILENCE_MS = 5_000
const RETRY_MS = 1_000
const LONGEST_RETRY_MS = 15_000

interface Connection {
  readonly address: URL
  readonly signal: AbortSignal
  readonly tell: (message: LiveMessage) => void
}

/**
 * Follows the stream of changes until `signal` aborts: connects again after each break, with pauses that grow, and
 * resumes after the last event it saw. After a break that the server cannot resume, the server says `reset`.
 */
export async function follow({ address, signal, tell }: Connection): Promise<void> {
  const seen: Seen = { id: undefined, retryMs: RETRY_MS }
  let pauseMs = 0
  while (!signal.aborted) {
    const hasHeard = await readStream({ address, signal, tell }, seen).catch(() => false)
    pauseMs = hasHeard ? seen.retryMs : Math.min(LONGEST_RETRY_MS, Math.max(seen.retryMs, pauseMs * 2))
    await pause(pauseMs * (0.75 + Math.random() / 2), signal)
  }
}

interface Seen {
  id: string | undefined
  retryMs: number
}

/** Reads one connection to its end; returns whether anything arrived on it. Throws when it breaks or falls silent. */
async function readStream({ address, signal, tell }: Connection, seen: Seen): Promise<boolean> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  let hasHeard = false
  try {
    const response = await fetch(address, {
      headers: { accept: 'text/event-stream', ...(seen.id === undefined ? {} : { 'last-event-id': seen.id }) },
      signal: AbortSignal.any([signal, silence.signal]),
      redirect: 'error',
    })
    if (response.status === 401) tell({ kind: 'session_ended' })
    if (!response.ok || response.body === null) return false
    const reader = new EventStreamReader()
    const decoder = new TextDecoder()
    for await (const bytes of piecesOf(response.body)) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS)
      hasHeard = true
      const { events, retryMs } = reader.read(decoder.decode(bytes, { stream: true }))
      if (retryMs !== undefined) seen.retryMs = retryMs
      tell({ kind: 'heard' })
      for (const event of events) {
        if (event.id !== undefined) seen.id = event.id
        const message = messageOf(event)
        if (message !== undefined) tell(message)
      }
    }
  } catch {
    // A break is nothing special: the caller connects again.
  } finally {
    clearTimeout(timer)
    silence.abort()
  }
  return hasHeard
}

/** Safari's streams cannot be iterated. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

/** What an event means; undefined for one that this version does not know. */
export function messageOf({ event, data }: ServerEvent): LiveMessage | undefined {
  if (event === 'reset' || event === 'session_ended') return { kind: event }
  if (event !== 'changed') return undefined
  try {
    const { topics } = JSON.parse(data) as { topics?: unknown }
    if (Array.isArray(topics)) return { kind: 'changed', topics: topics.filter((topic) => typeof topic === 'string') }
  } catch {
    // Something changed, but what cannot be read: everything may have.
  }
  return { kind: 'reset' }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      removeEventListener('online', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    addEventListener('online', end)
  })
}
