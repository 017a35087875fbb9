import { readSecretFile, type Settings } from '../../../config/index.ts'
import type { ControlPlaneSettings } from '../../../control-plane/index.ts'

/** Turns the section `access` into settings; throws `ConfigError` for an unreadable secret file. */
export function accessSettings(given: Settings<'control'>['access']): Pick<ControlPlaneSettings, 'access'> {
  if (given === undefined) return {}
  const { public_url: publicUrl, session_idle_minutes: idle, session_hours: hours, oidc } = given
  return {
    access: {
      publicOrigin: publicUrl === undefined ? undefined : new URL(publicUrl).origin,
      idleMs: idle * 60_000,
      lifeMs: hours * 3_600_000,
      oidc: oidc && {
        issuer: oidc.issuer,
        endpointOrigin: oidc.endpoint_origin === undefined ? undefined : new URL(oidc.endpoint_origin).origin,
        clientId: oidc.client_id,
        clientSecret: readSecretFile('control.access.oidc.client_secret_file', oidc.client_secret_file),
        redirectUrl: oidc.redirect_url,
        scopes: [...new Set(['openid', ...oidc.scopes])],
        mapping: {
          claim: oidc.claim,
          rules: oidc.rules.map(({ value, role, environments = null }) => ({ value, role, environments })),
        },
      },
    },
  }
}
