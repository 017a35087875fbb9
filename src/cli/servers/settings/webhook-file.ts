import { ConfigError, readSecretFile } from '../../../config/index.ts'

const LOOPBACK = /^http:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\])[:/]/

/** Reads the URL of an incoming webhook, which is a secret: errors name only the file. */
export function readWebhookFile(option: string, path: string): string {
  const url = readSecretFile(option, path)
  if (URL.canParse(url) && (url.startsWith('https://') || LOOPBACK.test(url))) return url
  throw new ConfigError([`${option}: ${path} must hold an https URL`])
}
