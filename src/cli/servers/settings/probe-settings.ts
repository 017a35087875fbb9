import { readSecretFile, type Settings } from '../../../config/index.ts'
import type { ProbeSettings } from '../../../control-plane/index.ts'

type Given = NonNullable<Settings<'control'>['probes']>

/** Turns the section `probes` into settings; throws `ConfigError` for an unreadable secret file. */
export function probeSettings(
  given: Settings<'control'>['probes'],
  markKey: ProbeSettings['markKey'],
): { readonly probes?: ProbeSettings } {
  if (given === undefined) return {}
  return {
    probes: {
      origin: new URL(given.url).origin,
      stepLimitMs: given.step_seconds * 1_000,
      iamRequestsPerSecond: given.iam_requests_per_second,
      markKey,
      twins: given.twins.map(twinOf),
    },
  }
}

function twinOf(given: Given['twins'][number]): ProbeSettings['twins'][number] {
  const { name, cohort, sides, faults, secret_file, user } = given
  const secret = (field: string, path: string) => readSecretFile(`control.probes.twins.${name}.${field}`, path)
  return {
    ...{ name, cohort, sides, faults, isForDrills: given.drills },
    twin: {
      clientId: given.client_id,
      clientSecret: secret_file === undefined ? undefined : secret('secret_file', secret_file),
      authentication: secret_file === undefined ? 'none' : given.authentication,
      redirectUri: given.redirect_uri,
      scope: given.scope,
      usesPkce: given.pkce,
      kinds: given.kinds,
      user: user && { username: user.username, password: secret('user.password_file', user.password_file) },
    },
  }
}
