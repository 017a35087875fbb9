import { isServerFailure } from '../../answers/failure.ts'
import { askPatiently } from '../ask-side.ts'
import { openUpstream } from '../upstream.ts'
import type { ProbeResult } from './circuit.ts'

/** The path of a cheap answer. Our IAM says there whether its database answers; others answer 404, which counts. */
export const PROBE_PATH = '/readyz'

/** Asks IAM for signs of life, by connections of its own that no request can use up. */
export interface IamProbe {
  /** Any whole answer below 500 is one. Never rejects. */
  ask(): Promise<ProbeResult>
  close(): Promise<void>
}

const PROBE = { method: 'GET', body: null, traffic: 'oauth' } as const

/** @param timeoutMs for one answer; a connection that was cut is tried a second time */
export function openIamProbe(url: string, path: string, timeoutMs: number): IamProbe {
  const limits = { connectMs: timeoutMs, headersMs: timeoutMs, bodyIdleMs: timeoutMs }
  const upstream = openUpstream('iam', url, limits, { max: 2, reserved: 0, queueLength: 2, queueMs: timeoutMs })
  const { host } = new URL(url)
  // A platform that insists on HTTPS would answer with a redirect.
  const headers = ['Host', host, 'Accept', '*/*', 'X-Forwarded-Proto', 'https']
  return {
    async ask() {
      const answer = await askPatiently(upstream, { ...PROBE, path, headers }, timeoutMs)
      if (typeof answer === 'string') return { hasSucceeded: false, finding: answer }
      return { hasSucceeded: !isServerFailure(answer.status), finding: `status ${answer.status}` }
    },
    close: () => upstream.pool.destroy(),
  }
}
