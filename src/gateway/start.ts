import { randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import {
  clientAddressReader,
  formatListenAddress,
  type ListenAddress,
  ListenError,
  type RunningServer,
  TrustedProxies,
} from '../http/index.ts'
import { type Log, openTracing, type Tracing } from '../observability/index.ts'
import type { CredentialMarks, Snapshot } from '../routing/index.ts'
import { type AdminParts, startAdmin } from './admin.ts'
import { DiscoveryCache } from './both-sides/discovery-cache.ts'
import { MergedJwks } from './both-sides/merged-jwks.ts'
import { Brake, brakeHolders } from './decision-source/brake.ts'
import { ControlStream } from './decision-source/control-stream.ts'
import { RoutingEndpoint } from './decision-source/routing-endpoint.ts'
import { SnapshotFile } from './decision-source/snapshot-file.ts'
import { type DecisionSource, NO_SOURCE } from './decision-source/source.ts'
import type { Condition } from './decision-source/status-report.ts'
import { connectionCounts, type GatewayContext } from './gateway-context.ts'
import { CredentialLedger } from './ledger/credential-ledger.ts'
import { MarkCheck } from './ledger/mark-check/mark-check.ts'
import { openSharedLedger } from './ledger/shared-ledger.ts'
import { buildFrontDoor, type FrontDoor } from './listener/server.ts'
import { testControls } from './listener/test-controls.ts'
import { OutcomeCollector } from './outcomes/outcome-collector.ts'
import { Routes } from './routing/routes.ts'
import { DEFAULT_LIMITS, type GatewayLimits, type GatewaySettings } from './settings.ts'
import { Metrics } from './telemetry/metrics.ts'
import { Recorder } from './telemetry/recorder.ts'
import { Circuit } from './upstream/circuit/circuit.ts'
import { openIamProbe, PROBE_PATH } from './upstream/circuit/iam-probe.ts'
import { ConnectionLimit } from './upstream/connection-limit.ts'
import { Patience } from './upstream/patience.ts'
import { openSides, type Upstream } from './upstream/upstream.ts'

const METERED_APPLICATIONS = 200
/** How long a gateway without its first snapshot counts as starting. */
const START_GRACE_MS = 5_000

/** What a gateway decides by. */
export interface RoutingState {
  /** Undefined while there is none, and for a gateway that queries an endpoint. */
  readonly snapshot: Snapshot | undefined
  /** Whether anything holds the brake. */
  readonly isBrakeOn: boolean
}

/** A gateway that serves requests. */
export interface RunningGateway {
  /** `http://host:port` */
  readonly url: string
  readonly address: ListenAddress
  readonly adminUrl: string | undefined
  readonly adminAddress: ListenAddress | undefined
  /** Turns this process's brake on or off; a brake held by a file or by the control plane stays on. */
  setBrake(on: boolean): void
  /** What the gateway decides by at this moment. */
  readonly routing: RoutingState
  /**
   * Stops accepting, lets requests in flight finish within the drain time, then cuts the rest. `onQueueLeft` is given
   * where other processes accept connections from the same queue, and called once this one accepts no more.
   */
  close(onQueueLeft?: () => void): Promise<void>
}

/** Starts a gateway. Rejects with `ListenError` if an address cannot be bound, and leaves nothing running. */
export async function startGateway(settings: GatewaySettings, log: Log): Promise<RunningGateway> {
  const parts = await startParts(settings, log)
  const { context, brake, frontDoor, stop } = parts
  let admin: RunningServer | undefined
  try {
    if (settings.adminListen) {
      admin = await startAdmin(settings.adminListen, { ...adminParts(parts), otherMetrics: settings.otherMetrics })
    }
    const address = await bind(frontDoor.server, settings.listen)
    const url = `http://${formatListenAddress(address)}`
    log.debug({ url, iam_routing_enabled: context.iam !== undefined, brake: context.isBrakeOn }, 'gateway listens')
    let closing: Promise<void> | undefined
    const close = async (onQueueLeft?: () => void) => {
      parts.state.isDraining = true
      await frontDoor.drain(context.limits.drainMs, onQueueLeft)
      await stop()
      await admin?.close(0)
    }
    return {
      url,
      address,
      adminUrl: admin?.url,
      adminAddress: admin?.address,
      setBrake: (on) => brake.set(on, 'process'),
      routing: {
        get snapshot() {
          return context.source.snapshot
        },
        get isBrakeOn() {
          return context.isBrakeOn
        },
      },
      close: (onQueueLeft) => {
        closing ??= close(onQueueLeft)
        return closing
      },
    }
  } catch (error) {
    await stop()
    await admin?.close(0)
    throw error
  }
}

interface Parts {
  readonly context: GatewayContext
  readonly brake: Brake
  readonly metrics: Metrics
  readonly markCheck: MarkCheck
  readonly frontDoor: FrontDoor
  readonly state: { isDraining: boolean }
  stop(): Promise<void>
}

/** Starts everything except the listeners. */
async function startParts(settings: GatewaySettings, log: Log): Promise<Parts> {
  const limits: GatewayLimits = { ...DEFAULT_LIMITS, ...settings.limits }
  const state = { isDraining: false }
  const trustedProxies = new TrustedProxies(settings.trustedProxies ?? [])
  const brake = new Brake(settings.brakeFile, log, settings.isBrakeOn)
  const probe = openIamProbe(settings.iamUrl ?? settings.legacyUrl, settings.iamProbePath ?? PROBE_PATH, limits.probeMs)
  const circuit = new Circuit('iam', settings.breaker ?? {}, log, probe.ask)
  // A gateway that is still starting has seen no traffic.
  const condition = () => ({
    isCircuitOpen: circuit.isOpen,
    openApplications: circuit.openApplications,
    isBrakeOn: brake.isOn,
    ...recorded(),
  })
  let recorded: () => Recorder['totals'] & Pick<Recorder, 'applications'> = () => NO_TRAFFIC
  const source = await startSource(settings, { limits, condition }, log)
  await brake.start()
  const ledger = await openLedger(settings, log)
  const metrics = new Metrics(
    () => ({
      isCircuitOpen: circuit.isOpen,
      ownCircuitsOpen: { application: circuit.openApplications.length, caller: circuit.openCallers },
      snapshotVersion: source.version ?? -1,
      snapshotAgeSeconds: source.ageMs === undefined ? -1 : source.ageMs / 1_000,
      brakeHolders: brakeHolders(brake, source),
      keyAges: context.keys?.ages,
      connections: connectionCounts(context),
      markStatus: markCheck.status,
      ledger,
    }),
    settings.mostMeteredApplications ?? METERED_APPLICATIONS,
  )
  const tracing = openTracing(settings.tracing, log)
  if (tracing) metrics.meterSpans(tracing)
  const outcomes = openOutcomes(settings, log)
  const recorder = new Recorder({ log, metrics, source, outcomes, sampling: settings.logSampling })
  recorded = () => ({ ...recorder.totals, applications: recorder.applications })
  const networks = clientAddressReader(trustedProxies)
  const context = buildContext(settings, { limits, log, circuit, source, recorder, brake, ledger, tracing, networks })
  const markCheck = openMarkCheck(settings, context)
  markCheck.start()
  const stopSignals = settings.signals ? listenToSignals(brake, source) : () => {}
  const hasFastPath = (settings.fastPath ?? true) && mayHaveFastPath(context, settings)
  const frontDoor = buildFrontDoor(context, { trustedProxies, frontSecret: settings.frontSecret }, hasFastPath)
  const stop = async () => {
    stopSignals()
    brake.close()
    recorder.close()
    await outcomes?.close()
    context.keys?.close()
    frontDoor.close()
    context.patience.close()
    await Promise.all([markCheck.close(), probe.close(), circuit.close()])
    await Promise.all([source.close(), ledger.close(), context.legacy.pool.destroy(), context.iam?.pool.destroy()])
    await tracing?.close()
  }
  return { context, brake, metrics, markCheck, frontDoor, state, stop }
}

/** The fast path only handles requests that are decided synchronously and forwarded over plain HTTP. */
function mayHaveFastPath({ legacy, iam }: GatewayContext, { source }: GatewaySettings): boolean {
  return iam !== undefined && source.kind !== 'endpoint' && !legacy.secure && !iam.secure
}

function adminParts({ context, brake, metrics, markCheck, state }: Parts): Omit<AdminParts, 'otherMetrics'> {
  const startedAt = performance.now()
  const hasIam = context.iam !== undefined
  return {
    ...{ metrics, brake, hasIam, markCheck, source: context.source, circuit: context.circuit, log: context.log },
    isDraining: () => state.isDraining,
    isStarting: () => hasIam && !context.source.isAvailable && performance.now() - startedAt < START_GRACE_MS,
  }
}

interface ContextParts {
  readonly limits: GatewayLimits
  readonly log: Log
  readonly circuit: Circuit
  readonly source: DecisionSource
  readonly recorder: Recorder
  readonly brake: Brake
  readonly ledger: CredentialLedger
  readonly tracing: Tracing | undefined
  readonly networks: ReturnType<typeof clientAddressReader>
}

function buildContext(settings: GatewaySettings, parts: ContextParts): GatewayContext {
  const { limits, log, source, brake } = parts
  const { relativeUrlRoot: root = '', iamPaths = {}, legacyPaths = {}, iamPages = [] } = settings
  const routes = new Routes({ root, iamPaths, legacyPaths, iamPages })
  const { legacy, iam } = openSides(settings, limits)
  const sides = [legacy, ...(iam ? [iam] : [])]
  return {
    ...{ limits, log, source, routes, legacy, iam },
    tunnels: new ConnectionLimit({ max: limits.maxTunnels, reserved: 0, queueLength: 0, queueMs: 0 }),
    circuit: parts.circuit,
    patience: new Patience(limits.iamNewFlowMs),
    networkOf: (request) => parts.networks(request).network,
    recorder: parts.recorder,
    tracing: parts.tracing,
    ledger: parts.ledger,
    keys:
      iam &&
      new MergedJwks(legacy, iam, {
        ...{ paths: routes.keys, timeoutMs: limits.keysMs, log },
        aheadMs: settings.keysAheadMs ?? 0,
      }),
    discovery: new DiscoveryCache(legacy, limits.legacyHeadersMs, log),
    marks: marksOf(settings),
    renamedCookies: settings.renamesIamCookies ? { authorizePath: routes.iamAuthorize } : undefined,
    marksIamFlows: settings.marksIamFlows ?? false,
    internalHosts: sides.flatMap((side) => side.hosts),
    get isBrakeOn() {
      return brake.isOn || source.brake
    },
    testControls: settings.testControls
      ? testControls(sides.map((side) => [side.destination, side.origin]))
      : undefined,
  }
}

function marksOf(settings: GatewaySettings): CredentialMarks {
  const { extraIamPrefixes = [], iamJwtIssuer, legacyJwtIssuer, verifierKey, flowKey } = settings
  return { extraIamPrefixes, iamJwtIssuer, legacyJwtIssuer, verifierKey, flowKey }
}

function openMarkCheck({ markCheck, isIamUnmarked = false }: GatewaySettings, context: GatewayContext): MarkCheck {
  const { routes, limits, marks, log, legacy, iam } = context
  const probeOf = (upstream: Upstream | undefined) => {
    const client = upstream && markCheck?.[upstream.destination]
    if (upstream === undefined || client === undefined) return undefined
    return { upstream, client, ...routes.tokenPaths(upstream.destination), timeoutMs: limits.keysMs }
  }
  const probes = iam === undefined ? {} : { legacy: probeOf(legacy), iam: probeOf(iam) }
  return new MarkCheck(probes, { marks, isIamUnmarked, everyMs: markCheck?.everyMs ?? 0, log })
}

const LEDGER_ENTRIES = 1_000_000

/** Outcomes are of use to a control plane alone. */
function openOutcomes({ source, iamUrl, flowKey }: GatewaySettings, log: Log): OutcomeCollector | undefined {
  if (source.kind !== 'control' || source.identity === undefined || iamUrl === undefined) return undefined
  return new OutcomeCollector(flowKey ?? randomBytes(32), { ...source, instance: source.identity.instance }, log)
}

async function openLedger(settings: GatewaySettings, log: Log): Promise<CredentialLedger> {
  const { ledger = {}, iamUrl, flowKey, isIamUnmarked = false } = settings
  const shared = ledger.url === undefined || iamUrl === undefined ? undefined : await openSharedLedger(ledger.url, log)
  const key = flowKey ?? randomBytes(32)
  const capacity = ledger.capacity ?? LEDGER_ENTRIES
  return new CredentialLedger({ key, marks: marksOf(settings), isIamUnmarked, capacity, shared, log })
}

const NO_TRAFFIC = {
  legacy: { requests: 0, failures: 0 },
  iam: { requests: 0, failures: 0 },
  applications: [],
}

async function startSource(
  settings: GatewaySettings,
  { limits, condition }: { readonly limits: GatewayLimits; readonly condition: () => Condition },
  log: Log,
): Promise<DecisionSource> {
  const { source } = settings
  if (settings.iamUrl === undefined) return NO_SOURCE
  switch (source.kind) {
    case 'control': {
      const stream = new ControlStream(source, log, condition)
      await stream.start()
      return stream
    }
    case 'endpoint':
      return new RoutingEndpoint(source, limits.routingEndpointMs, log)
    case 'file': {
      const file = new SnapshotFile(source, log)
      await file.start()
      return file
    }
    case 'none':
      return NO_SOURCE
  }
}

/** Without a listener, SIGUSR1 would start node's debugger. */
function listenToSignals(brake: Brake, source: DecisionSource): () => void {
  const on = () => brake.set(true, 'SIGUSR2')
  const off = () => brake.set(false, 'SIGUSR1')
  const reload = () => {
    if (source instanceof SnapshotFile) void source.reload()
  }
  process.on('SIGUSR2', on).on('SIGUSR1', off).on('SIGHUP', reload)
  return () => process.off('SIGUSR2', on).off('SIGUSR1', off).off('SIGHUP', reload)
}

function bind(server: Server, listen: ListenAddress): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) => reject(new ListenError(listen, error))
    server.once('error', fail)
    server.listen({ host: listen.host, port: listen.port }, () => {
      server.off('error', fail)
      const bound = server.address()
      resolve({ host: listen.host, port: bound !== null && typeof bound === 'object' ? bound.port : listen.port })
    })
  })
}
