import type { OutcomeKind } from '../../../outcomes/index.ts'
import type { ProbeResult } from '../../../probes/index.ts'
import type { DrillResult } from './drill-store.ts'
import type { ProbeRunner } from './probes.ts'
import type { KnownTwin } from './twins.ts'

/** The flows that begin without a credential, and so can be served by either side. */
const NEW_FLOWS: readonly OutcomeKind[] = ['sign_in', 'device', 'client_credentials', 'password']

/**
 * Proves on the running system that a new flow falls back to legacy when IAM cannot be reached: the gateway treats the
 * requests of this drill, and no others, as if IAM refused its connection. Each kind of new flow of the twin must
 * succeed on legacy, for the reason `iam_failed_over`. Never rejects.
 */
export async function failOpenDrill(
  runner: ProbeRunner,
  twin: KnownTwin,
  iamVersion: string | undefined,
): Promise<DrillResult> {
  const kinds = twin.twin.kinds.filter((kind) => NEW_FLOWS.includes(kind))
  const result = (hasPassed: boolean, outcomes: number, sentence: string) => ({
    hasPassed,
    outcomes,
    iamVersion,
    sentence,
  })
  if (kinds.length === 0) return result(false, 0, `The twin ${twin.name} has no flow that begins without a credential.`)
  const results = await runner.try({ ...twin.twin, kinds }, { side: 'iam', cannotReachIam: true })
  const fault = results.map(faultOf).find((found) => found !== undefined)
  const passed = results.filter((one) => faultOf(one) === undefined).length
  if (fault !== undefined) return result(false, passed, fault)
  const names = results.map(({ kind }) => kind).join(', ')
  return result(true, passed, `Without IAM, new flows of the twin ${twin.name} fell back to legacy: ${names}.`)
}

function faultOf({ kind, verdict, failedAt, error, steps }: ProbeResult): string | undefined {
  const first = steps[0]
  if (first?.side === undefined)
    return `${kind}: the gateway did not recognize the mark of the drill, so nothing was proven.`
  if (first.reason !== 'iam_failed_over') {
    return `${kind}: the gateway decided ${first.side} (${first.reason ?? 'no reason'}), so IAM was not tried.`
  }
  // The runner marks a flow that legacy served as one of the wrong side, which is the right one here.
  const isServedByLegacy = first.side === 'rails' && (verdict === 'succeeded' || error === 'wrong_side')
  return isServedByLegacy ? undefined : `${kind}: failed at ${failedAt ?? 'the start'} with ${error ?? 'no error'}.`
}
