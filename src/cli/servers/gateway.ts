import { randomBytes, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { loadSettings, parseLimit, readKeyFile, readSecretFile, type Settings } from '../../config/index.ts'
import { type DecisionSourceSettings, type GatewaySettings, startGateway } from '../../gateway/index.ts'
import { createLog, type Log } from '../../observability/index.ts'
import { sectionHelp, version } from '../help.ts'
import type { CommandIo } from '../io.ts'
import { BRAKE_VARIABLE, runWorker, SEED_VARIABLE, WORKER_VARIABLE } from './gateway-worker.ts'
import { defaultWorkers, runGatewayWorkers } from './gateway-workers.ts'
import { runUntilStopped } from './run-part.ts'
import { listenAddress } from './settings/addresses.ts'
import { derivedFlowKey } from './settings/flow-key.ts'
import { tracingSettings } from './settings/tracing.ts'

/** `handover gateway`: the reverse proxy in front of the monolith. */
export async function runGateway(args: readonly string[], io: CommandIo): Promise<number> {
  const settings = loadSettings('gateway', { args, env: io.env })
  if (settings === 'help') {
    io.stdout.write(sectionHelp('gateway', 'Routes each OAuth request to the monolith or to IAM, by application.'))
    return 0
  }
  const log = createLog('gateway', { level: settings.log_level })
  const worker = io.env[WORKER_VARIABLE]
  const checked = gatewaySettings(settings, worker, io.env[SEED_VARIABLE])
  const workers = settings.workers ?? (checked.listen.port === 0 || needsOneProcess(settings) ? 1 : defaultWorkers())
  if (worker === undefined) warnOfGaps(settings, log)
  if (worker === undefined && workers > 1) {
    const adminListen = listenAddress(settings.admin_listen)
    const drainMs = settings.drain_ms
    return runGatewayWorkers(workers, { args, listen: checked.listen, adminListen, drainMs }, log)
  }
  const gateway = await startGateway({ ...checked, isBrakeOn: io.env[BRAKE_VARIABLE] === 'on' }, log)
  if (worker !== undefined) return runWorker(gateway, settings.drain_ms, log)
  log.info({ listen: gateway.url, admin: gateway.adminUrl, iam: settings.iam_url ?? null }, 'gateway is ready')
  return runUntilStopped([{ stopMs: settings.drain_ms, close: () => gateway.close() }], log)
}

/** A ledger in memory is not shared between processes. */
function needsOneProcess({ iam_unmarked, ledger_url }: Settings<'gateway'>): boolean {
  return iam_unmarked && ledger_url === undefined
}

/** Warns of configurations that work but are rarely intended. */
export function warnOfGaps(settings: Settings<'gateway'>, log: Log): void {
  const { iam_url, control_url, routing_url, snapshot, data_dir, verifier_key_file } = settings
  if (iam_url === undefined) return
  if (control_url === undefined && routing_url === undefined && snapshot === undefined) {
    log.warn('no source of decisions is configured: applications stay on the monolith, only IAM credentials go to IAM')
  }
  if (control_url !== undefined && data_dir === undefined) {
    log.warn('no --data-dir: the last good snapshot is not kept, so a start without the control plane routes to legacy')
  }
  const { legacy_probe_client_id, iam_probe_client_id } = settings
  const unchecked = [
    ...(legacy_probe_client_id === undefined ? ['rails'] : []),
    ...(iam_probe_client_id === undefined ? ['iam'] : []),
  ]
  if (unchecked.length > 0) {
    log.info({ upstreams: unchecked }, 'no probe client: whether credentials carry their marks shows only as they pass')
  }
  if (verifier_key_file === undefined) {
    log.warn('no --verifier-key-file: no verifier of IAM is believed, so its flows go on by their flag only')
  }
}

/** Turns validated options into gateway settings; throws `ConfigError` if a file has become unreadable since. */
export function gatewaySettings(settings: Settings<'gateway'>, worker?: string, seed?: string): GatewaySettings {
  const listen = listenAddress(settings.listen)
  const source = decisionSource(settings)
  const dataDir = settings.data_dir
  const verifierKey = keyFile('--verifier-key-file', settings.verifier_key_file)
  return {
    listen,
    // Each worker has its own admin port, which only the supervising process knows.
    adminListen: worker === undefined ? listenAddress(settings.admin_listen) : { host: '127.0.0.1', port: 0 },
    legacyUrl: settings.legacy_url,
    iamUrl: settings.iam_url,
    source,
    extraIamPrefixes: settings.iam_token_prefix,
    iamJwtIssuer: settings.iam_jwt_issuer,
    legacyJwtIssuer: settings.legacy_jwt_issuer,
    verifierKey,
    flowKey: keyFile('--flow-key-file', settings.flow_key_file) ?? ownFlowKey(verifierKey, source, seed),
    marksIamFlows: settings.iam_shows_pages,
    iamPaths: ownPaths(settings.iam_path),
    legacyPaths: ownPaths(settings.legacy_path),
    iamPages: settings.iam_page,
    renamesIamCookies: settings.iam_cookies === 'renamed',
    isIamUnmarked: settings.iam_unmarked,
    markCheck: markCheck(settings, worker),
    ledger: { capacity: settings.ledger_entries, url: settings.ledger_url },
    ...(settings.iam_probe_path !== undefined && { iamProbePath: settings.iam_probe_path }),
    trustedProxies: settings.trusted_proxy,
    relativeUrlRoot: settings.relative_url_root ?? '',
    limits: {
      connectMs: settings.connect_timeout_ms,
      iamHeadersMs: settings.iam_headers_timeout_ms,
      iamNewFlowMs: settings.iam_new_flow_timeout_ms,
      legacyHeadersMs: settings.legacy_headers_timeout_ms,
      bodyIdleMs: settings.body_timeout_ms,
      routingEndpointMs: settings.routing_timeout_ms,
      drainMs: settings.drain_ms,
      maxConnections: settings.max_upstream_connections,
      queueLength: settings.upstream_queue,
      queueMs: settings.upstream_queue_ms,
      maxTunnels: settings.max_websockets,
      minUploadRate: settings.min_upload_rate,
      requestHeadBytes: settings.max_head_bytes,
    },
    brakeFile: settings.brake_file ?? (dataDir === undefined ? undefined : join(dataDir, 'brake')),
    signals: true,
    tracing: tracingSettings(settings, 'handover-gateway'),
    logSampling: parseLimit(settings.log_sampling),
    mostMeteredApplications: settings.application_metrics,
    testControls: settings.test_controls,
    fastPath: settings.fast_path === 'on',
  }
}

/** Only one process of a port runs the check. */
function markCheck(settings: Settings<'gateway'>, worker: string | undefined): GatewaySettings['markCheck'] & object {
  const everyMs = settings.mark_check_minutes * 60_000
  if (worker !== undefined && worker !== '0') return { everyMs }
  const clientOf = (side: 'legacy' | 'iam') => {
    const clientId = settings[`${side}_probe_client_id`]
    const file = settings[`${side}_probe_secret_file`]
    if (clientId === undefined || file === undefined) return undefined
    const secret = readSecretFile(`--${side}-probe-secret-file`, file)
    return { clientId, secret, scope: settings[`${side}_probe_scope`] }
  }
  return { legacy: clientOf('legacy'), iam: clientOf('iam'), everyMs }
}

function ownPaths(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map((pair) => pair.split('=', 2)))
}

function decisionSource(settings: Settings<'gateway'>): DecisionSourceSettings {
  const { control_url, routing_url, snapshot, environment, data_dir } = settings
  const [url, ...otherUrls] = control_url ?? []
  if (url !== undefined) {
    const token = readSecretFile('--control-token-file', settings.control_token_file ?? '')
    // One file for all workers, whatever their number: each replaces it whole.
    const stateFile = data_dir === undefined ? undefined : join(data_dir, 'snapshot.ndjson')
    const { name = hostname().slice(0, 128), commit } = settings
    const identity = { instance: randomUUID(), name, version: version(), commit }
    return { kind: 'control', url, otherUrls, token, environment, stateFile, identity }
  }
  if (routing_url !== undefined) {
    const secret = readKeyFile('--routing-secret-file', settings.routing_secret_file ?? '')
    return { kind: 'endpoint', url: routing_url, secret }
  }
  return snapshot === undefined ? { kind: 'none' } : { kind: 'file', path: snapshot, environment }
}

function keyFile(flag: string, file: string | undefined): Uint8Array | undefined {
  return file === undefined ? undefined : readKeyFile(flag, file)
}

/** Derived from a secret that all gateways have anyway, or else from a seed that the workers of this port share. */
function ownFlowKey(
  verifierKey: Uint8Array | undefined,
  source: DecisionSourceSettings,
  seed: string | undefined,
): Uint8Array {
  const shared = source.kind === 'control' ? source.token : source.kind === 'endpoint' ? source.secret : undefined
  return derivedFlowKey(verifierKey ?? (shared || undefined) ?? seed ?? randomBytes(32))
}
