/** One server-sent event. */
export interface ServerEvent {
  readonly event: string
  readonly data: string
  readonly id: string | undefined
}

/** What a piece of a stream contained, besides the events. */
export interface StreamPiece {
  readonly events: readonly ServerEvent[]
  /** The `retry:` hint of the server in milliseconds. */
  readonly retryMs: number | undefined
}

/**
 * Reads `text/event-stream` (HTML Living Standard §9.2.6) piece by piece; a line may end in any later piece. Comments,
 * which the server sends as heartbeats, yield no event.
 */
export class EventStreamReader {
  #rest = ''
  #event = ''
  #data: string[] = []
  #id: string | undefined

  read(text: string): StreamPiece {
    const events: ServerEvent[] = []
    let retryMs: number | undefined
    const lines = `${this.#rest}${text}`.split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        const done = this.#dispatch()
        if (done !== undefined) events.push(done)
        continue
      }
      const retry = this.#take(line)
      if (retry !== undefined) retryMs = retry
    }
    return { events, retryMs }
  }

  /** Takes one field; returns the milliseconds of a `retry` field. */
  #take(line: string): number | undefined {
    const colon = line.indexOf(':')
    if (colon === 0) return undefined
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') this.#event = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id') this.#id = value
    else if (field === 'retry' && /^\d{1,6}$/.test(value)) return Number(value)
    return undefined
  }

  #dispatch(): ServerEvent | undefined {
    const done = { event: this.#event || 'message', data: this.#data.join('\n'), id: this.#id }
    const isEmpty = this.#event === '' && this.#data.length === 0
    this.#event = ''
    this.#data = []
    return isEmpty ? undefined : done
  }
}
