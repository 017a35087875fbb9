import { createHmac } from 'node:crypto'
import { type Channel, callReceiver, type Delivery } from './channel.ts'
import type { WebhookSettings } from './settings.ts'

/**
 * Posts each message as JSON, signed as the Standard Webhooks specification describes: `webhook-id` is equal for every
 * attempt at one message, and `webhook-signature` is the HMAC-SHA256 of `<id>.<timestamp>.<body>`. The webhook of a plan
 * receives the same if the operator allows its origin; when either fails, both are tried again.
 */
export function webhookChannel(settings: WebhookSettings): Channel {
  const { url, secret } = settings
  return {
    name: 'webhook',
    async send({ notice, id, receivers }): Promise<Delivery> {
      const { rollout, subject, isUrgent, items, leftOut } = notice
      const data = { rollout, subject, urgent: isUrgent, events: items.map(documentOf), left_out: leftOut }
      const json = { type: 'rollout.events', timestamp: new Date().toISOString(), data }
      const seconds = String(Math.floor(Date.now() / 1_000))
      const headers = {
        'webhook-id': id,
        'webhook-timestamp': seconds,
        'webhook-signature': signatureOf(secret, id, seconds, JSON.stringify(json)),
      }
      const wanted = receivers?.webhook
      // A plan may be older than the rule.
      const chosen = wanted !== undefined && mayNotify(settings, wanted) ? [wanted] : []
      // At the same time: neither waits for the other, and both together keep to the time limit of one message.
      const called = await Promise.all(
        [...new Set([url, ...chosen])].map((each) => callReceiver({ method: 'POST', url: each, headers, json })),
      )
      return called.find((one) => 'kind' in one) ?? { kind: 'delivered' }
    },
  }
}

/** Whether a plan may choose a webhook: the configured one, or one of an origin that the operator allows. */
export function mayNotify(settings: WebhookSettings | undefined, webhook: string): boolean {
  if (settings === undefined || !URL.canParse(webhook)) return false
  const { url, planOrigins = [] } = settings
  const { href, origin } = new URL(webhook)
  return href === new URL(url).href || planOrigins.some((allowed) => new URL(allowed).origin === origin)
}

/** The value of `webhook-signature` for a body. */
export function signatureOf(secret: Uint8Array, id: string, seconds: string, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${seconds}.${body}`).digest('base64')}`
}

function documentOf({ requestIds, ...item }: { readonly requestIds: readonly string[] }) {
  return { ...item, request_ids: requestIds }
}
