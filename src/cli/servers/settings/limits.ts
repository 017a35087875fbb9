import type { Limit, RequestLimitSettings, UserCodeLimits } from '../../../authorization-server/index.ts'
import { parseLimit, type Settings, sections } from '../../../config/index.ts'
import type { MonolithSettings, SignInLimits } from '../../../monolith/index.ts'

/** The limits that IAM and the monolith share, validated by the schema. */
export function requestLimitSettings(settings: Settings<'iam'> | Settings<'monolith'>): RequestLimitSettings {
  const read = (text: string) => limitOf(settings, text)
  return {
    addressRequests: read(settings.limit_address_requests),
    addressFailures: read(settings.limit_address_failures),
    deviceStarts: read(settings.limit_device_starts),
    clientRequests: read(settings.limit_client_requests),
    clientFailures: read(settings.limit_client_failures),
  }
}

/** The limits on user code guesses that IAM and the monolith share. */
export function userCodeLimits(settings: Settings<'iam'> | Settings<'monolith'>): UserCodeLimits {
  return { user: limitOf(settings, settings.limit_user_codes), all: limitOf(settings, settings.limit_user_codes_all) }
}

/** All limits of the monolith. */
export function monolithLimits(settings: Settings<'monolith'>): NonNullable<MonolithSettings['limits']> {
  const address = limitOf(settings, settings.limit_user_codes_address)
  return {
    requests: requestLimitSettings(settings),
    signIn: signInLimits(settings),
    userCodes: { ...userCodeLimits(settings), address },
  }
}

/** The limits of the monolith's sign-in page. */
function signInLimits(settings: Settings<'monolith'>): SignInLimits {
  return {
    place: limitOf(settings, settings.limit_sign_in),
    name: limitOf(settings, settings.limit_sign_in_name),
    network: limitOf(settings, settings.limit_sign_in_address),
  }
}

/** The default limits. */
export function defaultLimits(): NonNullable<MonolithSettings['limits']> {
  return monolithLimits(sections.monolith.parse({ issuer: 'http://localhost' }))
}

/** One limit; undefined when it, or all of them, are off. */
export function limitOf({ rate_limits }: { readonly rate_limits: 'on' | 'off' }, text: string): Limit | undefined {
  return rate_limits === 'off' ? undefined : parseLimit(text)
}

/** The trusted proxies; undefined means the default. */
export function trustedProxies({ trusted_proxy }: { readonly trusted_proxy: readonly string[] }) {
  return trusted_proxy.length === 0 ? undefined : trusted_proxy
}
