import type { Limit, RequestLimitSettings } from '../authorization-server/index.ts'
import { parseLimit, type Settings, sections } from '../config/index.ts'
import type { SignInLimits } from '../monolith/index.ts'

/** The limits that IAM and monolith share, as the schema has checked them. */
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

/** The limits of the monolith's sign-in page. */
export function signInLimits(settings: Settings<'monolith'>): SignInLimits {
  return {
    place: limitOf(settings, settings.limit_sign_in),
    name: limitOf(settings, settings.limit_sign_in_name),
    network: limitOf(settings, settings.limit_sign_in_address),
  }
}

/** What is limited where nothing is configured. */
export function defaultLimits() {
  const settings = sections.monolith.parse({ issuer: 'http://localhost' })
  return { requests: requestLimitSettings(settings), signIn: signInLimits(settings) }
}

/** One limit; undefined when it, or all of them, are off. */
function limitOf({ rate_limits }: { readonly rate_limits: 'on' | 'off' }, text: string): Limit | undefined {
  return rate_limits === 'off' ? undefined : parseLimit(text)
}

/** The proxies that are believed; undefined leaves the default. */
export function trustedProxies({ trusted_proxy }: { readonly trusted_proxy: readonly string[] }) {
  return trusted_proxy.length === 0 ? undefined : trusted_proxy
}
