import { join } from 'node:path'
import type { Claim } from '../../authorization-server/index.ts'
import {
  ensureSecretFile,
  loadSettings,
  parseLimit,
  readKeyFile,
  readSecretFile,
  type Settings,
} from '../../config/index.ts'
import { type IamSettings, startIam } from '../../iam/index.ts'
import { createLog } from '../../observability/index.ts'
import { sectionHelp, version } from '../help.ts'
import type { CommandIo } from '../io.ts'
import { runUntilStopped } from './run-part.ts'
import { listenAddress } from './settings/addresses.ts'
import { shownClaimsOf } from './settings/claims.ts'
import { limitOf, requestLimitSettings, trustedProxies, userCodeLimits } from './settings/limits.ts'
import { instancePolicy } from './settings/policy.ts'
import { type OpenStore, openStore } from './settings/store.ts'
import { tokenSettings } from './settings/token-settings.ts'
import { tracingSettings } from './settings/tracing.ts'

/** `handover iam`: the IAM auth service. */
export async function runIam(args: readonly string[], io: CommandIo): Promise<number> {
  const settings = loadSettings('iam', { args, env: io.env })
  if (settings === 'help') {
    io.stdout.write(
      sectionHelp('iam', 'Runs the new authorization server, which hands sign-in and consent off to the monolith.'),
    )
    return 0
  }
  const claims = shownClaimsOf('iam', settings)
  const log = createLog('iam', { level: settings.log_level })
  const store = await openStore('iam', settings, log)
  const iam = await startIam(iamSettings(settings, claims, store), log).catch(async (error: unknown) => {
    await store.close()
    throw error
  })
  log.info({ listen: iam.url, internal: iam.internalUrl, issuer: settings.issuer }, 'IAM auth service is ready')
  return runUntilStopped([store, iam], log)
}

function iamSettings(settings: Settings<'iam'>, claims: readonly Claim[], store: OpenStore): IamSettings {
  const tokenFile = settings.internal_token_file ?? join(store.directory, 'iam-internal-token')
  const keyFile = settings.verifier_key_file ?? join(store.directory, 'iam-verifier-key')
  ensureSecretFile('--internal-token-file', tokenFile)
  ensureSecretFile('--verifier-key-file', keyFile)
  const sealingFile = settings.sealing_key_file ?? join(store.directory, 'iam-sealing-key')
  ensureSecretFile('--sealing-key-file', sealingFile)
  const previous = settings.previous_sealing_key_file
  return {
    listen: listenAddress(settings.listen),
    logSampling: parseLimit(settings.log_sampling),
    tracing: tracingSettings(settings, 'handover-iam'),
    internalListen: listenAddress(settings.internal_listen),
    issuer: settings.issuer.replace(/\/$/, ''),
    database: store.database,
    internalToken: readSecretFile('--internal-token-file', tokenFile),
    verifierKey: readKeyFile('--verifier-key-file', keyFile),
    loginUrl: settings.login_url,
    consentUrl: settings.consent_url,
    resourceOwnerUrl: settings.resource_owner_url,
    version: version(),
    accessTokenFormat: settings.access_token_format,
    ...(settings.jwt_audience === undefined ? {} : { jwtAudience: settings.jwt_audience }),
    limits: { ...requestLimitSettings(settings), loginStarts: limitOf(settings, settings.limit_login_starts) },
    userCodeLimits: userCodeLimits(settings),
    maxOpenLogins: settings.max_open_logins,
    challengeHours: settings.challenge_hours,
    trustedProxies: trustedProxies(settings),
    testControls: settings.test_controls,
    signingKeyDays: settings.signing_key_days,
    protocol: {
      ...tokenSettings(settings),
      ...instancePolicy(settings),
      claims,
      doorkeeperVersion: settings.doorkeeper_version,
      sealingKey: readKeyFile('--sealing-key-file', sealingFile),
      ...(previous === undefined ? {} : { previousSealingKey: readKeyFile('--previous-sealing-key-file', previous) }),
      accessTokenAlgorithm: settings.access_token_format === 'jwt' ? settings.access_token_signing_alg : undefined,
      signingKeys: { leadSeconds: settings.signing_key_lead_hours * 3_600 },
    },
  }
}
