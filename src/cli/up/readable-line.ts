/**
 * A readable log line: a routing decision with its reason, or a warning or error; undefined for any other line.
 * Replaces characters that a terminal could interpret.
 */
export function readableLine(line: string): string | undefined {
  const entry = parsed(line)
  if (entry === undefined) return undefined
  if (entry['msg'] === 'iamproxy: routing decision') return decision(entry)
  const { level, component, msg, err, cause } = entry
  if (level !== 'warn' && level !== 'error' && level !== 'fatal') return undefined
  const why = text((err as { message?: unknown } | undefined)?.message ?? cause)
  const word = level === 'warn' ? 'warning' : level
  return `${timeOf(entry)}  ${word}  ${text(component)}: ${text(msg)}${why === '' ? '' : ` (${why})`}`
}

function decision(entry: Record<string, unknown>): string {
  const { method, path, destination, reason, application_id, client_id, status, duration_ms, oauth_error } = entry
  const of = typeof application_id === 'number' ? `application ${application_id}` : shortened(text(client_id))
  const error = text(oauth_error)
  return [
    `${timeOf(entry)}  ${text(method)} ${text(path)} -> ${text(destination)} (${text(reason)})`,
    ...(of === '' ? [] : [of]),
    `${text(status)}${error === '' ? '' : ` ${error}`}`,
    `${Math.round(Number(duration_ms))} ms`,
  ].join('  ')
}

/** The time of day, in the time zone of this machine. */
function timeOf(entry: Record<string, unknown>): string {
  const time = new Date(typeof entry['time'] === 'string' ? entry['time'] : Number.NaN)
  return Number.isNaN(time.getTime()) ? '--:--:--' : time.toTimeString().slice(0, 8)
}

const SHORT = 16

function shortened(clientId: string): string {
  if (clientId === '') return ''
  return `client ${clientId.length > SHORT ? `${clientId.slice(0, SHORT)}...` : clientId}`
}

function text(value: unknown): string {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' ? value.replace(/[^\x20-\x7e]/g, '?') : ''
}

function parsed(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
