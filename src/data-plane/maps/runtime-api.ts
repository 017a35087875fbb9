import { connect } from 'node:net'

/** The runtime API did not do what it was asked for: it refused, was silent for too long, or broke off. */
export class RuntimeApiError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RuntimeApiError'
  }
}

const MOST_ANSWER_CHARS = 256 << 20

/** HAProxy's runtime API on its Unix socket: one connection for each command, each with a time limit. */
export class RuntimeApi {
  readonly #socket: string
  readonly #timeoutMs: number

  /** @param timeoutMs how long the API may be silent, and what a short command may take */
  constructor(socket: string, timeoutMs: number) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
  }

  /**
   * Sends one command and resolves with the complete answer. Rejects with {@link RuntimeApiError} if there is no API, if
   * it is silent for the time limit, or if the connection ends before the empty line that ends every answer.
   */
  ask(command: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#socket)
      let answer = ''
      const end = (error?: RuntimeApiError) => {
        socket.destroy()
        if (error === undefined) resolve(answer)
        else reject(error)
      }
      socket.setEncoding('latin1').setTimeout(this.#timeoutMs)
      socket.on('data', (text: string) => {
        answer += text
        if (answer.length > MOST_ANSWER_CHARS) end(new RuntimeApiError('the runtime API does not stop answering'))
      })
      socket.on('timeout', () => end(new RuntimeApiError(`the runtime API was silent for ${this.#timeoutMs} ms`)))
      socket.on('error', (cause: NodeJS.ErrnoException) => {
        end(new RuntimeApiError(`the runtime API cannot be reached (${cause.code ?? cause.message})`, { cause }))
      })
      socket.on('end', () => {
        end(answer.endsWith('\n') ? undefined : new RuntimeApiError('the runtime API broke off its answer'))
      })
      socket.write(`${command}\n`)
    })
  }

  /** Sends a command that answers nothing when it succeeds; rejects with what it says otherwise. */
  async tell(command: string): Promise<void> {
    const answer = (await this.ask(command)).trim()
    if (answer !== '') throw new RuntimeApiError(`the runtime API refused: ${answer.split('\n')[0]?.slice(0, 200)}`)
  }

  /** The process id of the HAProxy that answers. */
  async pid(): Promise<number> {
    const pid = /^Pid: (\d+)$/m.exec(await this.ask('show info'))?.[1]
    if (pid === undefined) throw new RuntimeApiError('the runtime API does not say its process id')
    return Number(pid)
  }
}
