import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** How a client behaves towards a server that stops. */
export type ClientKind = 'kept' | 'fresh' | 'pipelined' | 'slow' | 'upload'

export const CLIENT_KINDS: readonly ClientKind[] = ['kept', 'fresh', 'pipelined', 'slow', 'upload']

/** The outcomes of the requests of some clients. */
export interface Tally {
  answered: number
  /** Got a status that the request does not deserve. */
  refused: number
  /** Got no complete response though they began before the signal. */
  lost: number
  /** Got no complete response, and began after the signal. */
  lostLate: number
  /** What happened to the first lost ones. */
  readonly causes: string[]
}

export interface Scene {
  readonly port: number
  /** Request heads, one of which is sent each time, without their last empty line and body. */
  readonly heads: readonly string[]
  /** When the server received its signal, by `performance.now()`. */
  readonly stop: { at: number }
  readonly tally: Tally
}

const UPLOAD_PIECES = 16
const UPLOAD_PIECE = 'x'.repeat(16 << 10)
const BATCH = 3

/** Sends requests until the server accepts no more connections. */
export async function runClient(kind: ClientKind, scene: Scene): Promise<void> {
  for (;;) {
    const socket = await open(scene.port)
    if (socket === undefined) return
    await converse(kind, socket, scene)
    socket.destroy()
  }
}

/** Uses one connection for as long as the server keeps it. */
async function converse(kind: ClientKind, socket: Socket, scene: Scene): Promise<void> {
  const answers = new Answers(socket)
  for (;;) {
    const began = performance.now()
    const asked = kind === 'pipelined' ? BATCH : 1
    const sent = send(kind, socket, scene)
    for (let count = 0; count < asked; count++) {
      const answer = await answers.next()
      if (answer === undefined) {
        note(scene, began, `${kind}: ${answers.cause}`)
        return
      }
      if (answer.status < 400) scene.tally.answered++
      else scene.tally.refused++
      // Requests pipelined after the last response were not processed (RFC 9112 §9.6): the client retries them.
      if (answer.closes) return
    }
    if (kind === 'fresh') return
    // An answer may be early.
    await sent
    await sleep(Math.random() * 10)
  }
}

function note({ stop, tally }: Scene, began: number, cause: string): void {
  if (began <= stop.at) tally.lost++
  else tally.lostLate++
  if (tally.causes.length < 20) tally.causes.push(`${cause}, began ${Math.round(began - stop.at)} ms after the signal`)
}

async function send(kind: ClientKind, socket: Socket, { heads }: Scene): Promise<void> {
  const head = heads[Math.floor(Math.random() * heads.length)] as string
  switch (kind) {
    case 'kept':
      return void socket.write(`${head}\r\n`)
    case 'fresh':
      return void socket.write(`${head}Connection: close\r\n\r\n`)
    case 'pipelined':
      return void socket.write(`${head}\r\n`.repeat(BATCH))
    case 'slow': {
      const text = `${head}\r\n`
      for (let at = 0; at < text.length; at += 20) {
        socket.write(text.slice(at, at + 20))
        await sleep(5)
      }
      return
    }
    case 'upload': {
      const length = UPLOAD_PIECES * UPLOAD_PIECE.length
      const host = /^Host: .*\r\n/m.exec(head)?.[0] ?? 'Host: a\r\n'
      socket.write(`POST /upload HTTP/1.1\r\n${host}Content-Length: ${length}\r\n\r\n`)
      for (let count = 0; count < UPLOAD_PIECES; count++) {
        socket.write(UPLOAD_PIECE)
        await sleep(5)
      }
    }
  }
}

/** Opens a connection; undefined once the server accepts none. */
function open(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    socket.once('connect', () => {
      socket.on('error', () => {})
      resolve(socket)
    })
    socket.once('error', () => resolve(undefined))
  })
}

/** Reads responses with a Content-Length from a connection. */
class Answers {
  #text = ''
  #isOver = false
  #wake = () => {}
  cause = 'ended'

  constructor(socket: Socket) {
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      this.#text += text
      this.#wake()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.cause = error.code ?? error.message
    })
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#isOver = true
        this.#wake()
      })
    }
  }

  async next(): Promise<{ readonly status: number; readonly closes: boolean } | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\r\n\r\n')
      const head = this.#text.slice(0, end + 2)
      const whole = end + 4 + Number(/^content-length: (\d+)\r$/im.exec(head)?.[1] ?? 0)
      if (end >= 0 && this.#text.length >= whole) {
        this.#text = this.#text.slice(whole)
        return { status: Number(head.slice(9, 12)), closes: /^connection: close\r$/im.test(head) }
      }
      if (this.#isOver) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
