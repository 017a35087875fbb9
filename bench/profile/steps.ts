/** The part of a V8 CPU profile that is read. */
export interface CpuProfile {
  readonly nodes: ReadonlyArray<{
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string }
    readonly children?: readonly number[]
  }>
  /** The node of each sample, and the microseconds before it. */
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** The steps of a request, each with the sources that belong to it; the first that matches counts. */
const STEPS: ReadonlyArray<readonly [step: string, sources: RegExp]> = [
  ['read the request', /\/src\/http\/|\/gateway\/transport\/admission/],
  [
    'match, and read the facts',
    /\/src\/(?:routing\/(?!decide|snapshot)|parameters\/|credentials\/)|read-request|match-request|\/gateway\/routing\//,
  ],
  ['decide', /\/src\/(?:routing|flags)\/|decide-request|decision-source|\/ledger\//],
  [
    'write to the upstream, and read from it',
    /\/gateway\/upstream\/|fast-path\/(?:upstream|response-reader|fast-path-attempt)|upstream-request|request-headers/,
  ],
  ['write to the client', /fast-path-reply|pass-on|\/gateway\/headers\/|inspection/],
  [
    'record: log and metrics',
    /\/gateway\/(?:telemetry|outcomes)\/|\/src\/(?:observability|outcomes)\/|record-exchange/,
  ],
  ['keep the state of the exchange', /\/gateway\/(?:exchange|fast-path|listener)\/|\/src\//],
]
const LOOP = 'event loop, and reading from sockets'
const GARBAGE = 'garbage collection'

/**
 * Sums up a profile by the steps of a request, in microseconds. What node and native code spend counts for the step that
 * called them; idle time does not count.
 */
export function stepsOf({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const stepOf = new Map<number, string | undefined>()
  const root = nodes[0]
  const open: Array<{ readonly id: number; readonly step: string }> =
    root === undefined ? [] : [{ id: root.id, step: LOOP }]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    const node = byId.get(one.id)
    if (node === undefined) continue
    const step = ownStep(node.callFrame, one.step)
    stepOf.set(node.id, step)
    for (const id of node.children ?? []) open.push({ id, step: step ?? one.step })
  }
  const sums = new Map<string, number>()
  for (const [at, id] of samples.entries()) {
    const step = stepOf.get(id)
    if (step !== undefined) sums.set(step, (sums.get(step) ?? 0) + (timeDeltas[at] ?? 0))
  }
  return sums
}

/** The step of a frame; undefined for idle time. */
function ownStep({ functionName, url }: CpuProfile['nodes'][number]['callFrame'], caller: string): string | undefined {
  if (functionName === '(idle)') return undefined
  if (functionName === '(garbage collector)') return GARBAGE
  return STEPS.find(([, sources]) => sources.test(url))?.[0] ?? caller
}
