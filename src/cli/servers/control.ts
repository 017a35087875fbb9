import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  ConfigError,
  ensureSecretFile,
  loadSettings,
  parseLimit,
  readKeyFile,
  readSecretFile,
  type Settings,
} from '../../config/index.ts'
import { ControlPlaneFault, type ControlPlaneSettings, startControlPlane } from '../../control-plane/index.ts'
import { createLog } from '../../observability/index.ts'
import { sectionHelp } from '../help.ts'
import type { CommandIo } from '../io.ts'
import { runUntilStopped } from './run-part.ts'
import { accessSettings } from './settings/access-settings.ts'
import { listenAddress } from './settings/addresses.ts'
import { chatOpsSettings } from './settings/chatops-settings.ts'
import { derivedFlowKey } from './settings/flow-key.ts'
import { notificationSettings } from './settings/notification-settings.ts'
import { probeSettings } from './settings/probe-settings.ts'
import { sideEffectSettings } from './settings/side-effect-settings.ts'
import { type OpenStore, openStore } from './settings/store.ts'
import { tracingSettings } from './settings/tracing.ts'
import { keepHeapSmall } from './small-heap.ts'

/** The flag definitions that ship with Handover. */
export const DEFINITIONS_DIRECTORY = fileURLToPath(new URL('../../../flags', import.meta.url))

/** The built web console: in a checkout after `npm run build --workspace console`, in the package always. */
export const CONSOLE_DIRECTORY = fileURLToPath(new URL('../../../console/dist', import.meta.url))

/** The dashboards that ship with Handover. */
const DASHBOARDS_DIRECTORY = fileURLToPath(new URL('../../../observability/grafana', import.meta.url))

/** `handover control`: applications, flags, routing decisions, snapshots. */
export async function runControl(args: readonly string[], io: CommandIo): Promise<number> {
  const settings = loadSettings('control', { args, env: io.env })
  if (settings === 'help') {
    io.stdout.write(sectionHelp('control', 'Stores flags and applications, and streams them to every gateway.'))
    return 0
  }
  keepHeapSmall()
  const log = createLog('control', { level: settings.log_level })
  const store = await openStore('control', settings, log)
  const started = startControlPlane(controlSettings(settings, store), log)
  const control = await started.catch(async (error: unknown) => {
    await store.close()
    throw asConfigError(error)
  })
  log.info({ listen: control.url }, 'control plane is ready')
  return runUntilStopped([store, control], log)
}

/** What prevents a control plane from starting is a configuration error, reported line by line. */
export function asConfigError(error: unknown): unknown {
  return error instanceof ControlPlaneFault ? new ConfigError(error.faults) : error
}

function controlSettings(settings: Settings<'control'>, store: OpenStore): ControlPlaneSettings {
  const file = (given: string | undefined, name: string) => given ?? join(store.directory, name)
  const secret = file(settings.routing_secret_file, 'routing-secret')
  ensureSecretFile('--routing-secret-file', secret)
  const internalToken = file(settings.internal_token_file, 'iam-internal-token')
  const gatewayToken = file(settings.gateway_token_file, 'gateway-token')
  const iamUrl = settings.iam_internal_url?.replace(/\/+$/, '')
  return {
    listen: listenAddress(settings.listen),
    trustedProxies: settings.trusted_proxy,
    tracing: tracingSettings(settings, 'handover-control'),
    database: store.database,
    definitionsDirectory: settings.definitions_dir ?? DEFINITIONS_DIRECTORY,
    consoleDirectory: CONSOLE_DIRECTORY,
    dashboardsDirectory: existsSync(DASHBOARDS_DIRECTORY) ? DASHBOARDS_DIRECTORY : undefined,
    adminTokenFile: file(settings.admin_token_file, 'admin-token'),
    tokens: [
      { role: 'gateway', name: 'gateway', file: gatewayToken },
      { role: 'replication', name: 'replication', file: file(settings.replication_token_file, 'replication-token') },
    ],
    routingSecretFile: secret,
    forwardAuthOpen: settings.forward_auth_open,
    logSampling: parseLimit(settings.log_sampling),
    environment: settings.environment,
    relativeUrlRoot: settings.relative_url_root ?? '',
    ...accessSettings(settings.access),
    ...chatOpsSettings(settings.chatops),
    ...probeSettings(settings.probes, () => flowKey(settings, gatewayToken)),
    ...sideEffectSettings(settings.side_effects, settings.chatops?.gitlab?.environments),
    ...notificationSettings(settings.notifications, settings.access?.public_url),
    reasonsRequired: settings.require_reason,
    iamByDefault: settings.iam_by_default,
    testControls: settings.test_controls,
    platformCreatesAtIam: settings.iam_applications === 'by_platform',
    iam:
      iamUrl === undefined ? undefined : { url: iamUrl, token: readSecretFile('--internal-token-file', internalToken) },
    credentialMarks: {
      extraIamPrefixes: settings.iam_token_prefix,
      iamJwtIssuer: settings.iam_jwt_issuer,
      legacyJwtIssuer: settings.legacy_jwt_issuer,
      verifierKey:
        settings.verifier_key_file === undefined
          ? undefined
          : readKeyFile('--verifier-key-file', settings.verifier_key_file),
    },
  }
}

/** The same key as at the gateways, if they were given the same files. */
function flowKey({ flow_key_file, verifier_key_file }: Settings<'control'>, gatewayToken: string): Uint8Array {
  if (flow_key_file !== undefined) return readKeyFile('--flow-key-file', flow_key_file)
  if (verifier_key_file !== undefined) return derivedFlowKey(readKeyFile('--verifier-key-file', verifier_key_file))
  return derivedFlowKey(readSecretFile('--gateway-token-file', gatewayToken))
}
