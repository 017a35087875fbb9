import { readFileSync } from 'node:fs'
import { ConfigError, readSecretFile, type Settings } from '../../../config/index.ts'
import type { ControlPlaneSettings } from '../../../control-plane/index.ts'

const PREFIX = 'whsec_'
const LEAST_SECRET = 24

/** Turns the section `notifications` into settings; throws `ConfigError` for an unreadable or invalid secret file. */
export function notificationSettings(
  given: Settings<'control'>['notifications'],
  publicUrl: string | undefined,
): Pick<ControlPlaneSettings, 'notifications'> {
  if (given === undefined) return {}
  const { slack, webhook, email, interval_seconds } = given
  return {
    notifications: {
      publicUrl: publicUrl?.replace(/\/+$/, ''),
      intervalMs: interval_seconds * 1_000,
      slack: slack && {
        apiUrl: slack.api_url.replace(/\/+$/, ''),
        token: readSecretFile('control.notifications.slack.token_file', slack.token_file),
        channel: slack.channel,
      },
      webhook: webhook && {
        ...{ url: webhook.url, planOrigins: webhook.plan_origins },
        secret: readWebhookSecret(webhook.secret_file),
      },
      email: email && emailSettings(email),
    },
  }
}

function emailSettings(given: NonNullable<NonNullable<Settings<'control'>['notifications']>['email']>) {
  const { host, port, tls, from, to, user, password_file: passwordFile, ca_file: caFile } = given
  const password =
    passwordFile === undefined ? '' : readSecretFile('control.notifications.email.password_file', passwordFile)
  return {
    ...{ host, port, tls, from, to },
    user: user === undefined ? undefined : { name: user, password },
    ca: caFile === undefined ? undefined : readCertificates('control.notifications.email.ca_file', caFile),
  }
}

function readWebhookSecret(path: string): Uint8Array {
  const option = 'control.notifications.webhook.secret_file'
  const text = readSecretFile(option, path)
  const secret = text.startsWith(PREFIX) ? Buffer.from(text.slice(PREFIX.length), 'base64') : Buffer.from(text)
  if (secret.length >= LEAST_SECRET) return secret
  throw new ConfigError([`${option}: ${path} must hold at least ${LEAST_SECRET} bytes`])
}

function readCertificates(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new ConfigError([`${option}: ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
}
