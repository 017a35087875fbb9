import { IAM_PREFIXES } from '../credentials/index.ts'
import { OUTCOME_KINDS, type OutcomeSide } from '../outcomes/index.ts'
import { signIn } from './flows/authorize.ts'
import { device } from './flows/device.ts'
import * as flows from './flows/token.ts'
import { StepFailure, Trace } from './trace.ts'
import type { ProbeKind, ProbeResult, Twin } from './twin.ts'
import { ProbeFault, type WireSettings } from './wire.ts'

/** The flows that issue tokens; the others use one of theirs. */
const ISSUING: readonly ProbeKind[] = ['sign_in', 'device', 'password', 'client_credentials']

/** Which flow delivers the token that another one needs: the first of these that the twin may use. */
const NEEDS: Readonly<Partial<Record<ProbeKind, readonly ProbeKind[]>>> = {
  refresh: ['sign_in', 'device', 'password'],
  userinfo: ['sign_in', 'device', 'password'],
  introspect: ISSUING,
  revoke: ISSUING,
}

/** The kinds of flow in the order in which a probe runs them. */
const ORDER: readonly ProbeKind[] = [...ISSUING, 'refresh', 'userinfo', 'introspect', 'revoke']

interface Delivered {
  readonly grant: flows.Grant
  readonly side: OutcomeSide | undefined
}

/**
 * Runs one flow of each kind of a twin and reports how each went, in the order of `OUTCOME_KINDS`. A kind that needs a
 * token runs an issuing flow first, also if the twin does not list that one. Revokes the tokens it got. Never rejects,
 * and no result contains a credential.
 */
export async function probe(twin: Twin, wire: WireSettings): Promise<readonly ProbeResult[]> {
  const delivered = new Map<ProbeKind, Delivered | ProbeResult>()
  const results: ProbeResult[] = []
  const wanted = ORDER.filter((kind) => twin.kinds.includes(kind))
  const issue = async (kind: ProbeKind) => {
    const before = delivered.get(kind)
    if (before !== undefined) return before
    const { result, grant } = await run(kind, twin, wire, undefined)
    const made = grant === undefined ? result : { grant, side: result.side }
    delivered.set(kind, made)
    if (twin.kinds.includes(kind)) results.push(result)
    return made
  }
  for (const kind of wanted) {
    if (ISSUING.includes(kind)) {
      await issue(kind)
      continue
    }
    const source = sourceOf(kind, twin)
    const before = await issue(source)
    if (!('grant' in before)) {
      results.push(notTried(kind, source, before))
      continue
    }
    const { result, grant } = await run(kind, twin, wire, before)
    results.push(result)
    if (grant !== undefined) delivered.set(source, { grant, side: before.side })
  }
  const held = [...delivered.values()].flatMap((one) => ('grant' in one ? [one.grant] : []))
  await flows.discard({ twin, wire }, held)
  return OUTCOME_KINDS.flatMap((kind) => results.filter((result) => result.kind === kind))
}

/** A listed flow if there is one, so that nothing runs twice; otherwise the first that could deliver the token. */
function sourceOf(kind: ProbeKind, twin: Twin): ProbeKind {
  const sources = NEEDS[kind] ?? ISSUING
  const fallback = twin.user === undefined && sources.includes('client_credentials') ? 'client_credentials' : 'sign_in'
  return sources.find((source) => twin.kinds.includes(source)) ?? fallback
}

async function run(
  kind: ProbeKind,
  twin: Twin,
  wire: WireSettings,
  before: Delivered | undefined,
): Promise<{ readonly result: ProbeResult; readonly grant: flows.Grant | undefined }> {
  const trace = new Trace()
  const began = performance.now()
  let grant: flows.Grant | undefined
  let failure: { readonly step: string; readonly code: string } | undefined
  try {
    grant = await flow(kind, { twin, wire, trace }, before?.grant)
  } catch (error) {
    // The rest of a step is our own code: a fault in it must not stop the other flows.
    const code = error instanceof ProbeFault ? error.code : 'unreadable'
    failure = error instanceof StepFailure ? error : { step: trace.steps.at(-1)?.name ?? kind, code }
  }
  const last = trace.steps.at(-1)
  const side = last?.side ?? before?.side ?? sideOfGrant(grant)
  const result: ProbeResult = {
    kind,
    verdict: failure === undefined ? 'succeeded' : 'failed',
    failedAt: failure?.step,
    status: last?.status,
    error: failure?.code,
    side,
    reason: last?.reason,
    requestId: last?.requestId,
    durationMs: Math.round(performance.now() - began),
    steps: trace.steps,
  }
  return { result, grant }
}

/** Runs one flow; resolves with the tokens that are current afterwards, if it has any of its own. */
async function flow(
  kind: ProbeKind,
  walk: flows.Walk,
  before: flows.Grant | undefined,
): Promise<flows.Grant | undefined> {
  const grant = before ?? { accessToken: '', refreshToken: undefined }
  switch (kind) {
    case 'sign_in':
      return signIn(walk)
    case 'device':
      return device(walk)
    case 'password':
      return flows.password(walk)
    case 'client_credentials':
      return flows.clientCredentials(walk)
    case 'refresh':
      if (grant.refreshToken === undefined) throw new StepFailure('token', 'missing_refresh_token')
      return flows.refresh(walk, grant)
    case 'userinfo':
      await flows.userinfo(walk, grant, true)
      return undefined
    case 'introspect':
      await flows.introspect(walk, grant, true)
      return undefined
    case 'revoke':
      await flows.revoke(walk, grant)
      return undefined
  }
}

function sideOfGrant(grant: flows.Grant | undefined): OutcomeSide | undefined {
  return grant?.accessToken.startsWith(IAM_PREFIXES.access_token) ? 'iam' : undefined
}

function notTried(kind: ProbeKind, source: ProbeKind, before: ProbeResult): ProbeResult {
  return { ...before, kind, verdict: 'not_tried', failedAt: source, durationMs: 0, steps: [] }
}
