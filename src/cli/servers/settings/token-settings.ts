import type { TokenSettings } from '../../../authorization-server/index.ts'
import type { Settings } from '../../../config/index.ts'

/** The scope and lifetime options as settings of an authorization server. */
export function tokenSettings(settings: Settings<'iam' | 'monolith' | 'up'>): TokenSettings {
  return {
    defaultScopes: settings.default_scope,
    optionalScopes: settings.optional_scope,
    dynamicScopes: settings.dynamic_scope,
    codeLifetime: settings.authorization_code_seconds,
    accessTokenLifetime: settings.access_token_seconds,
    idTokenLifetime: settings.id_token_seconds,
    deviceCodeLifetime: settings.device_code_seconds,
    deviceInterval: settings.device_poll_seconds,
    ...(settings.realm === undefined ? {} : { realm: settings.realm }),
  }
}
