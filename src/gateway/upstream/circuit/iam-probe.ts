import { isServerFailure } from '../../responses/failure.ts'
import { queryWithRetry } from '../query-upstream.ts'
import { openUpstream } from '../upstream.ts'
import type { ProbeResult } from './circuit.ts'

/**
 * The path of a cheap response. Handover's IAM reports there whether its database responds; others answer 404, which
 * counts as up.
 */
export const PROBE_PATH = '/readyz'

/** Probes the health of IAM on its own connections, which requests cannot use up. */
export interface IamProbe {
  /** Succeeds with any complete response below 500. Never rejects. */
  ask(): Promise<ProbeResult>
  close(): Promise<void>
}

const PROBE = { method: 'GET', body: null, traffic: 'oauth' } as const

/**
 * Opens the probe; it connects on first use.
 *
 * @param timeoutMs limit for one response; a probe is repeated once if its connection was cut
 */
export function openIamProbe(url: string, path: string, timeoutMs: number): IamProbe {
  const limits = { connectMs: timeoutMs, headersMs: timeoutMs, bodyIdleMs: timeoutMs }
  const upstream = openUpstream('iam', url, limits, { max: 2, reserved: 0, queueLength: 2, queueMs: timeoutMs })
  const { host } = new URL(url)
  // A platform that enforces HTTPS would otherwise respond with a redirect.
  const headers = ['Host', host, 'Accept', '*/*', 'X-Forwarded-Proto', 'https']
  return {
    async ask() {
      const answer = await queryWithRetry(upstream, { ...PROBE, path, headers }, timeoutMs)
      if (typeof answer === 'string') return { hasSucceeded: false, finding: answer }
      return { hasSucceeded: !isServerFailure(answer.status), finding: `status ${answer.status}` }
    },
    close: () => upstream.pool.destroy(),
  }
}
