import { type LineWriter, type Log, lineWriter } from '../../observability/index.ts'
import { putNumber, putText } from '../../outcomes/index.ts'
import { ENDPOINTS, loggableClientId, REASONS, WIRE_DESTINATION } from '../../routing/index.ts'
import { isKnown, type KnownAs } from '../decision-source/source.ts'
import type { ExchangeRecord } from './exchange-record.ts'

const FLUSH_MS = 10
const BUFFER_BYTES = 128 << 10
/** Room for a line without its path, client id and correlation id. */
const LINE_BYTES = 2 << 10
/** The longest escape of a character in JSON: `\u` and four hexadecimal digits (RFC 8259 §7). */
const ESCAPED = 6

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
  /** The beginning of a line, up to its time. */
  #begin: Buffer = Buffer.alloc(0)
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
    const { path, correlationId, clientId } = record
    const most = LINE_BYTES + (path.length + correlationId.length + (clientId?.length ?? 0)) * ESCAPED
    if (this.#used + most > BUFFER_BYTES) this.flush()
    const lines = most > BUFFER_BYTES ? Buffer.allocUnsafe(most) : this.#lines
    let at = most > BUFFER_BYTES ? 0 : this.#used
    const begin = this.#beginning()
    at = putMembers(lines, putPart(lines, at, begin), record, application)
    lines[at++] = BRACE
    lines[at++] = NEWLINE
    if (lines !== this.#lines) return this.#writer.write(lines.subarray(0, at))
    this.#used = at
    this.#timer ??= setTimeout(this.#flush, FLUSH_MS)
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#used === 0) return
    const lines = Buffer.from(this.#lines.subarray(0, this.#used))
    this.#used = 0
    this.#writer?.write(lines)
  }

  close(): void {
    this.flush()
    OPEN_LOGS.delete(this)
    if (OPEN_LOGS.size === 0) process.off('exit', flushAll)
  }

  #beginning(): Buffer {
    const ms = Date.now()
    if (ms !== this.#lastMs) {
      this.#lastMs = ms
      this.#begin = Buffer.from(`{"level":"info","time":"${new Date(ms).toISOString()}${this.#head}`, 'latin1')
    }
    return this.#begin
  }
}

/**
 * Returns the members of a routing decision's log line, as JSON text with a leading comma. The trace, `oauth_error` and
 * `brake` are present only if there is one, and while the brake is on.
 */
export function decisionMembers(record: ExchangeRecord, application: KnownAs): string {
  const { path, correlationId, clientId } = record
  const most = LINE_BYTES + (path.length + correlationId.length + (clientId?.length ?? 0)) * ESCAPED
  const bytes = Buffer.alloc(most)
  return bytes.toString('latin1', 0, putMembers(bytes, 0, record, application))
}

/**
 * Writes the members into bytes, without a string for the line, and returns where they end. What never changes is copied
 * from bytes, which costs a third of writing text.
 */
function putMembers(bytes: Buffer, start: number, record: ExchangeRecord, application: KnownAs): number {
  const { clientId, flagVersion, traceId, oauthError } = record
  let at = putPart(bytes, start, CORRELATION_ID)
  at = putQuoted(bytes, at, record.correlationId)
  at = putPart(bytes, at, METHOD)
  at = putQuoted(bytes, at, record.method)
  at = putPart(bytes, at, PATH)
  at = putQuoted(bytes, at, record.path)
  if (traceId !== undefined) at = putText(bytes, at, `,"trace_id":"${traceId}"`)
  at = putPart(bytes, at, ENDPOINT[record.endpoint])
  if (clientId === undefined) at = putPart(bytes, at, NULL)
  else at = putQuoted(bytes, at, loggableClientId(clientId, isKnown(application)))
  at = putPart(bytes, at, APPLICATION_ID)
  at = putOptional(bytes, at, typeof application === 'number' ? application : undefined)
  at = putPart(bytes, at, DESTINATION[record.destination])
  at = putPart(bytes, at, REASON[record.reason])
  if (oauthError !== undefined) at = putText(bytes, at, `,"oauth_error":"${oauthError}"`)
  at = putPart(bytes, at, FLAG_VERSION)
  at = putOptional(bytes, at, flagVersion)
  at = putPart(bytes, at, STATUS)
  at = putNumber(bytes, at, record.status)
  at = putPart(bytes, at, DURATION)
  at = putThousandths(bytes, at, record.durationMs)
  if (record.isBrakeOn) at = putText(bytes, at, ',"brake":true')
  return putPart(bytes, at, MESSAGE)
}

const CORRELATION_ID = Buffer.from(',"correlation_id":')
const METHOD = Buffer.from(',"method":')
const PATH = Buffer.from(',"path":')
const ENDPOINT = partsOf(ENDPOINTS, (name) => `,"endpoint":"${name}","client_id":`)
const NULL = Buffer.from('null')
const APPLICATION_ID = Buffer.from(',"application_id":')
const DESTINATION = partsOf(['legacy', 'iam', 'rejected'], (name) => `,"destination":"${WIRE_DESTINATION[name]}"`)
const REASON = partsOf(REASONS, (name) => `,"reason":"${name}"`)
const FLAG_VERSION = Buffer.from(',"flag_version":')
const STATUS = Buffer.from(',"status":')
const DURATION = Buffer.from(',"duration_ms":')
const MESSAGE = Buffer.from(',"msg":"iamproxy: routing decision"')

function partsOf<Name extends string>(names: readonly Name[], text: (name: Name) => string): Record<Name, Buffer> {
  return Object.fromEntries(names.map((name) => [name, Buffer.from(text(name))])) as Record<Name, Buffer>
}

function putPart(bytes: Buffer, at: number, part: Buffer): number {
  return at + part.copy(bytes, at)
}

/** ASCII codes. */
const QUOTE = 0x22
const POINT = 0x2e
const ZERO = 0x30
const BRACE = 0x7d
const NEWLINE = 0x0a

function putOptional(bytes: Buffer, at: number, value: number | undefined): number {
  return value === undefined ? putPart(bytes, at, NULL) : putNumber(bytes, at, value)
}

/** Writes a number that is not negative with up to three decimal places, as JSON spells it. */
function putThousandths(bytes: Buffer, start: number, value: number): number {
  const thousandths = Math.round(value * 1_000)
  const whole = Math.floor(thousandths / 1_000)
  let at = putNumber(bytes, start, whole)
  let rest = thousandths - whole * 1_000
  if (rest === 0) return at
  bytes[at++] = POINT
  for (let unit = 100; rest > 0; unit /= 10) {
    const digit = Math.floor(rest / unit)
    bytes[at++] = ZERO + digit
    rest -= digit * unit
  }
  return at
}

const PLAIN = /^[ !#-[\]-~]*$/

function putQuoted(bytes: Buffer, start: number, text: string): number {
  if (!PLAIN.test(text)) return putText(bytes, start, inAscii(JSON.stringify(text)))
  bytes[start] = QUOTE
  const end = putText(bytes, start + 1, text)
  bytes[end] = QUOTE
  return end + 1
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
