/** Hosts at which Slack accepts delayed responses. */
const SLACK_HOSTS = ['hooks.slack.com', 'hooks.slack-gov.com']
const LOOPBACK = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/

/**
 * Whether a response may be sent to a response URL: over https to Slack's own hosts or to those in `allowed` (host, or
 * host:port), and over plain http only to an allowed loopback address. Otherwise a caller with the signing secret could
 * make the control plane call any internal address.
 */
export function isResponseUrl(text: string, allowed: readonly string[]): boolean {
  if (text.length > 2_000 || !URL.canParse(text)) return false
  const url = new URL(text)
  if (url.username !== '' || url.password !== '') return false
  if (url.protocol === 'https:' && url.port === '' && SLACK_HOSTS.includes(url.hostname)) return true
  if (!allowed.includes(url.host)) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))
}
