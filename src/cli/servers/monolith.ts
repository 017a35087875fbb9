import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  ConfigError,
  ensureSecretFile,
  loadSettings,
  readKeyFile,
  readSecretFile,
  type Settings,
} from '../../config/index.ts'
import { type MonolithSettings, type SeedDocument, seedSchema, startMonolith } from '../../monolith/index.ts'
import { createLog } from '../../observability/index.ts'
import { sectionHelp } from '../help.ts'
import type { CommandIo } from '../io.ts'
import { runUntilStopped } from './run-part.ts'
import { listenAddress } from './settings/addresses.ts'
import { shownClaimsOf } from './settings/claims.ts'
import { monolithLimits, trustedProxies } from './settings/limits.ts'
import { instancePolicy } from './settings/policy.ts'
import { withRecordedClaims } from './settings/recorded-platform.ts'
import { type OpenStore, openStore } from './settings/store.ts'
import { tokenSettings } from './settings/token-settings.ts'
import { tracingSettings } from './settings/tracing.ts'

/** `handover monolith`: a platform with users, pages and Doorkeeper's OAuth endpoints, for trials and tests. */
export async function runMonolith(args: readonly string[], io: CommandIo): Promise<number> {
  const settings = loadSettings('monolith', { args, env: io.env })
  if (settings === 'help') {
    io.stdout.write(
      sectionHelp(
        'monolith',
        "Runs a stand-in for the customer's monolith: users, pages, and OAuth as Doorkeeper serves it.",
      ),
    )
    return 0
  }
  const seed = seedOf('monolith', settings, settings.issuer.replace(/\/$/, ''))
  const claims = shownClaimsOf('monolith', settings)
  const log = createLog('monolith', { level: settings.log_level })
  const store = await openStore('monolith', settings, log)
  const started = startMonolith({ ...monolithSettings(settings, store), claims, seed }, log)
  const monolith = await started.catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  log.info({ listen: monolith.url, issuer: settings.issuer }, 'monolith is ready')
  return runUntilStopped([store, monolith], log)
}

/** The seed given by the options; with test controls, the users of the recording get their recorded claims. */
export function seedOf(
  section: string,
  options: { readonly seed?: string | undefined; readonly test_controls: boolean },
  issuer: string,
): SeedDocument | undefined {
  if (options.seed === undefined) return undefined
  const seed = readSeedFile(section, options.seed)
  return options.test_controls ? withRecordedClaims(seed, issuer) : seed
}

/** A validated seed file. Throws {@link ConfigError} that lists every invalid place and shows no value. */
function readSeedFile(section: string, path: string): SeedDocument {
  let document: unknown
  try {
    document = JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new ConfigError([
      `${section}.seed (--seed): ${path} ${code === undefined ? 'is not JSON' : `cannot be read (${code})`}`,
    ])
  }
  const read = seedSchema.safeParse(document)
  if (read.success) return read.data
  throw new ConfigError(
    read.error.issues.map((issue) => `${section}.seed (--seed): ${issue.path.join('.') || path}: ${issue.message}`),
  )
}

function monolithSettings(settings: Settings<'monolith'>, store: OpenStore): MonolithSettings {
  const tokenFile = settings.internal_token_file ?? join(store.directory, 'iam-internal-token')
  if (settings.iam_internal_url !== undefined) ensureSecretFile('--internal-token-file', tokenFile)
  const stateFile = settings.state_key_file ?? join(store.directory, 'monolith-state-key')
  ensureSecretFile('--state-key-file', stateFile)
  const { control_url, control_token_file, admin_token_file } = settings
  if (admin_token_file !== undefined) ensureSecretFile('--admin-token-file', admin_token_file)
  return {
    listen: listenAddress(settings.listen),
    tracing: tracingSettings(settings, 'handover-monolith'),
    metricsListen: settings.metrics_listen === undefined ? undefined : listenAddress(settings.metrics_listen),
    issuer: settings.issuer.replace(/\/$/, ''),
    doorkeeperVersion: settings.doorkeeper_version,
    database: store.database,
    seed: undefined,
    iam:
      settings.iam_internal_url === undefined
        ? undefined
        : { internalUrl: settings.iam_internal_url, token: readSecretFile('--internal-token-file', tokenFile) },
    control:
      control_url === undefined || control_token_file === undefined
        ? undefined
        : { url: control_url, token: readSecretFile('--control-token-file', control_token_file) },
    limits: monolithLimits(settings),
    confirmDevice: settings.confirm_device,
    trustedProxies: trustedProxies(settings),
    testControls: settings.test_controls,
    adminToken: admin_token_file === undefined ? undefined : readSecretFile('--admin-token-file', admin_token_file),
    stateKey: readKeyFile('--state-key-file', stateFile),
    tokens: tokenSettings(settings),
    ...instancePolicy(settings),
  }
}
