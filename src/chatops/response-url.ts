/** Where Slack takes late answers. */
const SLACK_HOSTS = ['hooks.slack.com', 'hooks.slack-gov.com']
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/

/**
 * Whether an answer may be sent to a response URL: over https to Slack's own hosts or to those of `allowed` (host, or
 * host:port), and over plain http only to a loopback address that is allowed. Whoever holds the signing secret could
 * name any address else, and have the control plane call it from inside.
 */
export function isResponseUrl(text: string, allowed: readonly string[]): boolean {
  if (text.length > 2_000 || !URL.canParse(text)) return false
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return false
  if (url.protocol === 'https:' && url.port === '' && SLACK_HOSTS.includes(url.hostname)) return true
  if (!allowed.includes(url.host)) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
}
