// The parser behind `node:http`, called directly, in the strict mode that the gateway uses.

import { createRequire } from 'node:module'

/** One message as llhttp reads it. */
export interface ParsedMessage {
  method: string
  url: string
  status: number
  statusText: string
  /** Names and values alternate, trailers included. */
  headers: string[]
  body: string
  isUpgrade: boolean
  keepsAlive: boolean
  isComplete: boolean
}

/** Everything that llhttp reads in some bytes. */
export interface Parsed {
  /** The code of the error, if it refuses the bytes. */
  readonly error: string | undefined
  /** The messages whose head is complete. */
  readonly messages: readonly ParsedMessage[]
}

interface Parser {
  [callback: number]: unknown
  initialize(type: number, resource: object, maxHeaderSize: number, lenientFlags: number): void
  execute(bytes: Buffer): number | Error
  finish(): Error | undefined
}

interface ParserClass {
  new (): Parser
  readonly REQUEST: number
  readonly RESPONSE: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

const MAX_HEAD_BYTES = 16 << 10

/** Node's own way to its parser; only the types do not know it. */
const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  readonly HTTPParser: ParserClass
  readonly methods: readonly string[]
}

/** Reads bytes with llhttp, as requests or as responses to GET. */
export class Llhttp {
  readonly #type: number
  readonly #parser = new HTTPParser()
  #messages: ParsedMessage[] = []
  /** Headers beyond those that llhttp delivers with the head. */
  #more: string[] = []
  #url = ''

  constructor(type: 'requests' | 'responses') {
    this.#type = type === 'requests' ? HTTPParser.REQUEST : HTTPParser.RESPONSE
    this.#parser[HTTPParser.kOnHeaders] = (headers: string[], url: string) => {
      this.#more.push(...headers)
      this.#url += url
    }
    this.#parser[HTTPParser.kOnHeadersComplete] = this.#onHead
    this.#parser[HTTPParser.kOnBody] = (piece: Buffer) => {
      const message = this.#messages.at(-1)
      if (message !== undefined) message.body += piece.toString('latin1')
    }
    this.#parser[HTTPParser.kOnMessageComplete] = () => {
      const message = this.#messages.at(-1)
      if (message === undefined) return
      message.headers.push(...this.#more.splice(0))
      message.isComplete = true
    }
  }

  /** @param ends whether the connection ends after the bytes */
  read(bytes: Buffer, ends = false): Parsed {
    this.#messages = []
    this.#more = []
    this.#url = ''
    this.#parser.initialize(this.#type, {}, MAX_HEAD_BYTES, 0)
    const read = this.#parser.execute(bytes)
    const failed = read instanceof Error ? read : ends ? this.#parser.finish() : undefined
    const error = failed instanceof Error ? ((failed as NodeJS.ErrnoException).code ?? failed.message) : undefined
    return { error, messages: this.#messages }
  }

  readonly #onHead = (
    _major: number,
    _minor: number,
    headers: string[] | undefined,
    method: number | undefined,
    url: string | undefined,
    status: number | undefined,
    statusText: string | undefined,
    isUpgrade: boolean,
    keepsAlive: boolean,
  ): number => {
    this.#messages.push({
      ...{
        method: methods[method ?? -1] ?? '',
        url: url ?? this.#url,
        status: status ?? 0,
        statusText: statusText ?? '',
      },
      ...{ headers: headers ?? this.#more.splice(0), body: '', isUpgrade, keepsAlive, isComplete: false },
    })
    return 0
  }
}
