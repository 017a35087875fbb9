/** What a person pasted, as far as it can be read. */
export type Pasted =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'clients'; readonly clients: readonly string[] }
  | { readonly kind: 'correlation'; readonly id: string }
  | { readonly kind: 'request'; readonly request: PastedRequest }
  /** A line of a gateway's log: what was decided then. */
  | { readonly kind: 'decision'; readonly decision: LoggedDecision }

/** A request as it would be sent. */
export interface PastedRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** What a gateway logged about one decision. */
export interface LoggedDecision {
  readonly client: string | undefined
  readonly destination: string
  readonly reason: string
  readonly at: string | undefined
  readonly correlationId: string | undefined
}

/** The most clients that the control plane explains at once. */
export const MOST_CLIENTS = 1_000
const REQUEST_LINE = /^([A-Za-z]{1,20}) (\/\S*|https?:\/\/\S+)(?: HTTP\/[\d.]+)?$/
/** A UUID, or a ULID as GitLab makes them. */
const CORRELATION_ID = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-7][0-9A-HJKMNP-TV-Z]{25})$/
const PATH = /^\/[\x21-\x7e]*$/

/** Reads what was pasted: a request, an address, a line of a gateway's log, a correlation id, or client ids. */
export function readPasted(text: string): Pasted {
  const trimmed = text.trim()
  if (trimmed === '') return { kind: 'nothing' }
  if (trimmed.startsWith('{')) return readLogLine(trimmed)
  const [first = ''] = trimmed.split(/\r?\n/, 1)
  const line = REQUEST_LINE.exec(first.trim())
  if (line !== null) return readRequest(line[1] ?? 'GET', line[2] ?? '/', trimmed.slice(first.length))
  if (/^(?:\/|https?:\/\/)\S*$/.test(trimmed)) return readRequest('GET', trimmed, '')
  if (CORRELATION_ID.test(trimmed)) return { kind: 'correlation', id: trimmed }
  const clients = [...new Set(trimmed.split(/[\s,;]+/).filter((word) => word !== ''))]
  if (clients.length > MOST_CLIENTS) {
    return {
      kind: 'unreadable',
      why: `These are ${clients.length} client ids. At most ${MOST_CLIENTS} can be explained at once.`,
    }
  }
  return { kind: 'clients', clients }
}

function readRequest(method: string, address: string, rest: string): Pasted {
  const path = address.replace(/^https?:\/\/[^/?#]*/, '').replace(/#.*$/, '')
  const target = path.startsWith('/') ? path : `/${path}`
  if (!PATH.test(target)) {
    return {
      kind: 'unreadable',
      why: 'The path must be percent-encoded, as it is sent: no spaces and no letters beyond ASCII.',
    }
  }
  const [head = '', ...body] = rest.replace(/^\r?\n/, '').split(/\r?\n\r?\n/)
  const headers: Record<string, string> = {}
  for (const line of head.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).trim()
    if (name !== '') headers[name] = line.slice(colon + 1).trim()
    else if (line.trim() !== '')
      return {
        kind: 'unreadable',
        why: `“${line.trim().slice(0, 60)}” is no header. A body follows after an empty line.`,
      }
  }
  const text = body.join('\n\n').trim()
  return {
    kind: 'request',
    request: { method: method.toUpperCase(), path: target, headers, ...(text === '' ? {} : { body: text }) },
  }
}

function readLogLine(text: string): Pasted {
  try {
    const line = JSON.parse(text) as Record<string, unknown>
    const word = (name: string) => (typeof line[name] === 'string' ? line[name] : undefined)
    const [destination, reason] = [word('destination'), word('reason')]
    if (destination !== undefined && reason !== undefined) {
      return {
        kind: 'decision',
        decision: {
          destination,
          reason,
          client: word('client_id'),
          at: word('time'),
          correlationId: word('correlation_id'),
        },
      }
    }
  } catch {
    // Said below.
  }
  return {
    kind: 'unreadable',
    why: 'This is no decision of a gateway’s log: such a line is JSON with a destination and a reason.',
  }
}
