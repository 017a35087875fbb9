import { type LineWriter, type Log, lineWriter } from '../../observability/index.ts'
import { loggableClientId, WIRE_DESTINATION } from '../../routing/index.ts'
import { isKnown, type KnownAs } from '../decision-source/source.ts'
import type { ExchangeRecord } from './exchange-record.ts'

const FLUSH_MS = 10
const BUFFER_BYTES = 128 << 10

/** One exit listener for all gateways in a process. */
const OPEN_LOGS = new Set<DecisionLog>()

function flushAll(): void {
  for (const log of OPEN_LOGS) log.flush()
}

/** Writes one line for each routed request, in batches. Flushes pending lines when the process exits. */
export class DecisionLog {
  readonly #writer: LineWriter | undefined
  readonly #head: string
  /** Lines as bytes: many concatenated strings would have to be flattened in the end. */
  readonly #lines = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #used = 0
  #timer: NodeJS.Timeout | undefined
  #lastMs = 0
  #lastTime = ''
  readonly #flush = () => this.flush()

  constructor(log: Log) {
    this.#writer = lineWriter(log)
    this.#head = `"${inAscii(this.#writer?.bindings ?? '')},"subcomponent":"workhorse"`
    if (OPEN_LOGS.size === 0) process.on('exit', flushAll)
    OPEN_LOGS.add(this)
  }

  /** @param application what is known of the client, even if the decision did not depend on it */
  write(record: ExchangeRecord, application: KnownAs): void {
    if (this.#writer === undefined) return
    const line = `{"level":"info","time":"${this.#now()}${this.#head}${decisionMembers(record, application)}}\n`
    if (this.#used + line.length > BUFFER_BYTES) this.flush()
    if (line.length > BUFFER_BYTES) return this.#writer.write(line)
    this.#used += this.#lines.write(line, this.#used, 'latin1')
    this.#timer ??= setTimeout(this.#flush, FLUSH_MS)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#used === 0) return
    const lines = this.#lines.toString('latin1', 0, this.#used)
    this.#used = 0
    this.#writer?.write(lines)
  }

  close(): void {
    this.flush()
    OPEN_LOGS.delete(this)
    if (OPEN_LOGS.size === 0) process.off('exit', flushAll)
  }

  #now(): string {
    const ms = Date.now()
    if (ms !== this.#lastMs) {
      this.#lastMs = ms
      this.#lastTime = new Date(ms).toISOString()
    }
    return this.#lastTime
  }
}

/**
 * Returns the members of a routing decision's log line, as JSON text with a leading comma. The trace, `oauth_error` and
 * `brake` are present only if there is one, and while the brake is on.
 */
export function decisionMembers(record: ExchangeRecord, application: KnownAs): string {
  const { clientId, flagVersion, traceId, oauthError } = record
  const error = oauthError === undefined ? '' : `,"oauth_error":"${oauthError}"`
  const trace = traceId === undefined ? '' : `,"trace_id":"${traceId}"`
  const client = clientId === undefined ? 'null' : quoted(loggableClientId(clientId, isKnown(application)))
  const applicationId = typeof application === 'number' ? application : null
  return (
    `,"correlation_id":${quoted(record.correlationId)},"method":${quoted(record.method)},"path":${quoted(record.path)}` +
    `${trace},"endpoint":"${record.endpoint}","client_id":${client},"application_id":${applicationId}` +
    `,"destination":"${WIRE_DESTINATION[record.destination]}","reason":"${record.reason}"${error}` +
    `,"flag_version":${flagVersion ?? null},"status":${record.status},"duration_ms":${Math.round(record.durationMs * 1_000) / 1_000}${record.isBrakeOn ? ',"brake":true' : ''}` +
    ',"msg":"iamproxy: routing decision"'
  )
}

const PLAIN = /^[ !#-[\]-~]*$/

function quoted(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`
  return inAscii(JSON.stringify(text))
}

/**
 * Escapes every character beyond ASCII in JSON text. JSON leaves DEL, the C1 controls and the line separators
 * unescaped, and a terminal or a log viewer may act on them.
 */
function inAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
