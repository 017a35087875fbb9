import { readFileSync } from 'node:fs'
import { CallError, call } from '../../http/index.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'
import { recordedAddress } from './recorded-addresses.ts'

/** The options of every command that talks to a control plane. */
export const CONTROL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--control-url': { takes: 'value' },
  '--token-file': { takes: 'value' },
  '--json': { takes: 'nothing' },
  '--help': { takes: 'nothing' },
  '-h': { takes: 'nothing' },
}

/** The options that give the reason for a change; the audit log records them. */
export const REASON_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--reason': { takes: 'value' },
  '--change-issue': { takes: 'value' },
}

/** The help text of these options. */
export const REASON_HELP = `  --reason TEXT, --change-issue URL
      The reason for the change; recorded in the audit log, and required in the environments in require_reason.`

/** The last part of every help text. */
export const CONTROL_HELP = `  --control-url URL
      The control plane. Default: the address that 'handover up' recorded next to the token file, or else
      http://127.0.0.1:8080. [HANDOVER_CONTROL_URL]
  --token-file FILE
      The token for the control plane. Default: ./data/admin-token. [HANDOVER_TOKEN_FILE]
  --json
      Print the response of the control plane as JSON.
`

/** The control plane refused or did not respond: exit code 1, one line. */
export class RefusedError extends Error {
  readonly code = 'refused'
  /** The status of the response; undefined when there was none. */
  readonly status: number | undefined
  /** The control plane's code for the problem, such as `version_conflict`; undefined when it gave none. */
  readonly problem: string | undefined
  constructor(message: string, options?: { cause?: unknown; status?: number; problem?: string | undefined }) {
    super(message, options)
    this.name = 'RefusedError'
    this.status = options?.status
    this.problem = options?.problem
  }
}

/** Calls a control plane's API; any status but 2xx rejects with {@link RefusedError} and the response's message. */
export interface ControlClient {
  (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, json?: unknown): Promise<unknown>
  /** The text of a response of any length, chunk by chunk. */
  download(path: string): AsyncIterable<string>
}

const OTHER_ADDRESS = 'specify another address with --control-url or HANDOVER_CONTROL_URL'
const DOWNLOAD_LIMIT_MS = 10 * 60_000

/**
 * Finds the control plane and token by option, variable or default. Throws {@link UsageFault} if they cannot be used.
 * Calls time out after `timeoutMs`, by default 10 s.
 */
export function controlClient(line: CommandLine, io: CommandIo, timeoutMs = 10_000): ControlClient {
  const file = line.values.get('--token-file')?.[0] ?? io.env['HANDOVER_TOKEN_FILE'] ?? './data/admin-token'
  const named = line.values.get('--control-url')?.[0] ?? io.env['HANDOVER_CONTROL_URL']
  const url = httpAddress(
    "the control plane's address",
    named ?? recordedAddress(file, 'control') ?? 'http://127.0.0.1:8080',
  )
  const token = readToken(file, 'HANDOVER_TOKEN_FILE')
  const headers = { 'private-token': token, 'x-handover-channel': 'cli', ...reasonHeaders(line) }
  const ask = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, json?: unknown) => {
    const request = { method, url: url + path, headers, timeoutMs }
    const answer = await call(json === undefined ? request : { ...request, json }).catch((error: unknown) => {
      if (error instanceof CallError)
        throw new RefusedError(
          `the control plane at ${url} does not answer: ${error.message}${named === undefined ? `; ${OTHER_ADDRESS}` : ''}`,
          { cause: error },
        )
      throw error
    })
    if (answer.status >= 200 && answer.status < 300) return answer.json
    const problem = (answer.json as { code?: unknown } | null | undefined)?.code
    throw new RefusedError(reasonOf(answer.status, answer.json, { url, tokenFile: file }), {
      ...{ status: answer.status, problem: typeof problem === 'string' ? problem : undefined },
    })
  }
  const download = (path: string) => downloaded(url, path, headers, file)
  return Object.assign(ask, { download })
}

/** A response of any length, chunk by chunk. Rejects with {@link RefusedError}, also when it is truncated. */
async function* downloaded(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  tokenFile: string,
): AsyncGenerator<string> {
  try {
    const signal = AbortSignal.timeout(DOWNLOAD_LIMIT_MS)
    const answer = await fetch(url + path, { headers, redirect: 'error', signal })
    if (!answer.ok) throw new RefusedError(reasonOf(answer.status, parsed(await answer.text()), { url, tokenFile }))
    if (answer.body !== null) yield* answer.body.pipeThrough(new TextDecoderStream())
  } catch (error) {
    if (error instanceof RefusedError) throw error
    throw new RefusedError(`the control plane at ${url} did not respond, or its response is incomplete`, {
      cause: error,
    })
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function reasonHeaders(line: CommandLine): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [option, name] of [
    ['--reason', 'x-change-reason'],
    ['--change-issue', 'x-change-issue'],
  ] as const) {
    const text = line.values.get(option)?.[0]
    if (text === undefined) continue
    if (/[\r\n\0]/.test(text)) throw new UsageFault(`${option} must be one line`)
    // A header consists of bytes; the control plane reads them as UTF-8.
    headers[name] = Buffer.from(text, 'utf8').toString('latin1')
  }
  return headers
}

/** An http(s) URL without a trailing slash; throws {@link UsageFault} that names `whose` address it should be. */
export function httpAddress(whose: string, text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new UsageFault(`${whose} must be an http(s) URL, not ${JSON.stringify(text.slice(0, 100))}`)
  }
  return url.href.replace(/\/+$/, '')
}

/** The token in a file that an option or `variable` names; throws {@link UsageFault} that names the file. */
export function readToken(file: string, variable: string): string {
  let token: string
  try {
    token = readFileSync(file, 'utf8').trim()
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new UsageFault(
      `the token file ${file} cannot be read (${code}); specify another one with --token-file or ${variable}`,
    )
  }
  if (!/^[\x21-\x7e]+$/.test(token)) throw new UsageFault(`the token file ${file} does not contain a token`)
  return token
}

function reasonOf(
  status: number,
  json: unknown,
  { url, tokenFile }: { readonly url: string; readonly tokenFile: string },
): string {
  if (status === 401) return `the control plane at ${url} does not know the token in ${tokenFile}`
  const { message, detail, error } = (json ?? {}) as { message?: unknown; detail?: unknown; error?: unknown }
  const said = [detail, message, error].find((text) => typeof text === 'string' && text !== '')
  if (status === 403)
    return `the token in ${tokenFile} may not do this${typeof said === 'string' ? `: ${said.replace(/^403 Forbidden( - )?/, '')}` : ''}`
  return typeof said === 'string'
    ? said.replace(/^400 Bad request - /, '')
    : `the control plane at ${url} answered ${status}`
}
