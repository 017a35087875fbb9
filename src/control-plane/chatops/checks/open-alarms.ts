import { z } from 'zod'
import type { Environment } from '../../../flags/index.ts'
import { CallError, call } from '../../../http/index.ts'
import type { AlarmSource } from './production-check.ts'

/** Where open alarms are queried, and which of them block a change. */
export interface AlarmSettings {
  readonly kind: 'prometheus' | 'alertmanager'
  /** Its address, including the path under which it is served, if any. */
  readonly url: string
  /** Sent as a bearer token. */
  readonly token: string | undefined
  /** The prefix of the names of alarms that count. */
  readonly namePrefix: string
  /** The `severity` labels of alarms that count; empty for any. */
  readonly severities: readonly string[]
  /**
   * Labels that an alarm must have to count for an environment. All alarms count for an environment that is not listed.
   */
  readonly match: Readonly<Partial<Record<Environment, Readonly<Record<string, string>>>>>
}

const LIMIT_MS = 5_000
const MOST_NAMED = 5
const MOST_WORDS = 200

const words = z.record(z.string(), z.string())
const prometheusAlerts = z
  .object({
    status: z.literal('success'),
    data: z.object({ alerts: z.array(z.object({ labels: words, annotations: words.default({}), state: z.string() })) }),
  })
  .transform(({ data }) => data.alerts.filter(({ state }) => state === 'firing'))
const alertmanagerAlerts = z
  .array(z.object({ labels: words, annotations: words.default({}), status: z.object({ state: z.string() }) }))
  .transform((alerts) => alerts.filter(({ status }) => status.state === 'active'))

/** An alarm that is open. */
interface Alarm {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const SERVERS = {
  prometheus: { name: 'Prometheus', path: '/api/v1/alerts', schema: prometheusAlerts },
  // A silenced alarm is no reason to wait.
  alertmanager: {
    name: 'Alertmanager',
    path: '/api/v2/alerts?active=true&silenced=false&inhibited=false&unprocessed=false',
    schema: alertmanagerAlerts,
  },
} as const

/**
 * Queries the open alarms of Prometheus (`GET /api/v1/alerts`) or an Alertmanager (`GET /api/v2/alerts`), as text. If
 * neither answers within 5 s, that blocks a change as an alarm would, because the state is unknown. Never rejects.
 */
export function openAlarms(settings: AlarmSettings): AlarmSource {
  const { name, path, schema } = SERVERS[settings.kind]
  const url = settings.url.replace(/\/+$/, '') + path
  const headers: Record<string, string> =
    settings.token === undefined ? {} : { authorization: `Bearer ${settings.token}` }
  return async (environment) => {
    const unknown = (why: string) => [`whether one is open is not known, for ${name} ${why}`]
    try {
      const { status, json } = await call({ method: 'GET', url, headers, timeoutMs: LIMIT_MS })
      if (status !== 200) return unknown(`answers with status ${status}`)
      const read = schema.safeParse(json)
      return read.success
        ? alarmsInWords(concerning(read.data, settings, environment))
        : unknown('answers what cannot be read')
    } catch (error) {
      const isLate = error instanceof CallError && error.timedOut
      return unknown(isLate ? `does not answer within ${LIMIT_MS / 1_000} s` : 'does not answer')
    }
  }
}

function concerning(
  alarms: readonly Alarm[],
  { namePrefix, severities, match }: AlarmSettings,
  environment: Environment,
): readonly Alarm[] {
  const wanted = Object.entries(match[environment] ?? {})
  return alarms.filter(
    ({ labels }) =>
      labels['alertname']?.startsWith(namePrefix) &&
      (severities.length === 0 || severities.includes(labels['severity'] ?? '')) &&
      wanted.every(([label, value]) => labels[label] === value),
  )
}

/** One line for each name, with the description of one of its alarms. */
function alarmsInWords(alarms: readonly Alarm[]): string[] {
  const lines = new Map<string, string>()
  for (const { labels, annotations } of alarms) {
    const name = labels['alertname'] ?? ''
    const summary = annotations['summary']
    if (!lines.has(name)) lines.set(name, plain(summary === undefined ? name : `${name}: ${summary}`))
  }
  const all = [...lines.values()]
  return all.length <= MOST_NAMED ? all : [...all.slice(0, MOST_NAMED), `and ${all.length - MOST_NAMED} more`]
}

function plain(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  const shown = line.length <= MOST_WORDS ? line : `${line.slice(0, MOST_WORDS)}…`
  // The audit log records overridden alarms, and PostgreSQL's JSON cannot store a lone surrogate.
  return shown.toWellFormed()
}
