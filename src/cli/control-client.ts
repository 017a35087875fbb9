import { readFileSync } from 'node:fs'
import { CallError, call } from '../http/index.ts'
import { type CommandLine, type OptionSpec, UsageFault } from './command-line.ts'
import type { CommandIo } from './io.ts'

/** The options of every command that talks to a control plane. */
export const CONTROL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--control-url': { takes: 'value' },
  '--token-file': { takes: 'value' },
  '--json': { takes: 'nothing' },
  '--help': { takes: 'nothing' },
  '-h': { takes: 'nothing' },
}

/** The end of every help text. */
export const CONTROL_HELP = `  --control-url URL
      The control plane. Default: http://127.0.0.1:8080. [HANDOVER_CONTROL_URL]
  --token-file FILE
      The token for it. Default: ./data/admin-token. [HANDOVER_TOKEN_FILE]
  --json
      Print what the control plane answers, as JSON.
`

/** The control plane refused, or gave no answer: exit code 1, one line. */
export class RefusedError extends Error {
  readonly code = 'refused'
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'RefusedError'
  }
}

/** Calls a control plane's API; any status but 2xx rejects with {@link RefusedError} saying what the answer says. */
export type ControlClient = (
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  json?: unknown,
) => Promise<unknown>

/**
 * Finds control plane and token by option, variable or default. Throws {@link UsageFault} when they cannot be used.
 * Calls end after `timeoutMs`, by default 10 s.
 */
export function controlClient(line: CommandLine, io: CommandIo, timeoutMs = 10_000): ControlClient {
  const url = httpAddress(
    "the control plane's address",
    line.values.get('--control-url')?.[0] ?? io.env['HANDOVER_CONTROL_URL'] ?? 'http://127.0.0.1:8080',
  )
  const file = line.values.get('--token-file')?.[0] ?? io.env['HANDOVER_TOKEN_FILE'] ?? './data/admin-token'
  const token = readToken(file)
  return async (method, path, json) => {
    const request = { method, url: url + path, headers: { 'private-token': token }, timeoutMs } as const
    const answer = await call(json === undefined ? request : { ...request, json }).catch((error: unknown) => {
      if (error instanceof CallError)
        throw new RefusedError(`the control plane gives no answer: ${error.message}`, { cause: error })
      throw error
    })
    if (answer.status >= 200 && answer.status < 300) return answer.json
    throw new RefusedError(reasonOf(answer.status, answer.json, file))
  }
}

/** An http(s) URL without a slash at its end; throws {@link UsageFault}, naming `whose` address it should be. */
export function httpAddress(whose: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageFault(`${whose} must be an http(s) URL, not ${JSON.stringify(text.slice(0, 100))}`)
  }
  return url.href.replace(/\/+$/, '')
}

function readToken(file: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new UsageFault(
      `the token file ${file} cannot be read (${code}); name another with --token-file or HANDOVER_TOKEN_FILE`,
    )
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageFault(`the token file ${file} holds no token`)
  return token
}

function reasonOf(status: number, json: unknown, tokenFile: string): string {
  if (status === 401) return `the control plane does not know the token in ${tokenFile}`
  if (status === 403) return `the token in ${tokenFile} may not do this`
  const { message, detail, error } = (json ?? {}) as { message?: unknown; detail?: unknown; error?: unknown }
  const said = [detail, message, error].find((text) => typeof text === 'string' && text !== '')
  return typeof said === 'string' ? said.replace(/^400 Bad request - /, '') : `the control plane answered ${status}`
}
