import { FailingGuards, type GuardReading } from '../../../guards/index.ts'
import type { ProbeResult } from '../../../probes/index.ts'
import type { DrilledGuards } from './guard-drill.ts'

/** The tolerated rate of an application without any baseline. */
const TOLERATED_RATE = 0.115
const THRESHOLD = 1_000

/** The failing guard on the results that the probes themselves saw, for a control plane without running guards. */
export function createDrillGuards(): DrilledGuards & {
  observe(applicationId: number, results: readonly ProbeResult[]): void
} {
  const pure = new FailingGuards()
  const open = new Map<number, { readonly slot: number; outcomes: number; failures: number }>()
  return {
    async begin({ applicationId }) {
      open.set(applicationId, { slot: pure.open(TOLERATED_RATE), outcomes: 0, failures: 0 })
    },
    async end(_environment, _flag, applicationId) {
      const guard = open.get(applicationId)
      if (guard !== undefined) pure.close(guard.slot)
      open.delete(applicationId)
    },
    observe(applicationId, results) {
      const guard = open.get(applicationId)
      if (guard === undefined) return
      for (const { verdict } of results) {
        if (verdict === 'not_tried') continue
        pure.record(guard.slot, verdict === 'failed')
        guard.outcomes++
        if (verdict === 'failed') guard.failures++
      }
    },
    readings(_environment, applicationId) {
      const guard = open.get(applicationId ?? 0)
      return guard === undefined || applicationId === undefined
        ? []
        : [reading(applicationId, guard, pure.evidence(guard.slot))]
    },
  }
}

function reading(
  applicationId: number,
  { outcomes, failures }: { readonly outcomes: number; readonly failures: number },
  evidence: number,
): GuardReading {
  const hasFailed = evidence >= THRESHOLD
  return {
    ...{ applicationId, guard: 'probes', evidence, threshold: THRESHOLD, outcomes, failures },
    verdict: hasFailed ? 'fail' : 'not_enough_evidence',
    level: hasFailed ? 'act' : evidence >= 100 ? 'hold' : evidence >= 20 ? 'suspect' : 'quiet',
    ...{ toleratedRate: TOLERATED_RATE, bound: undefined, cause: undefined, requestIds: [] },
    ...{ grants: failures, callers: 1, knownCallers: 1, attempt: 1 },
    sentence: `${failures} of ${outcomes} flows failed.`,
  }
}
