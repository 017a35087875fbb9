import type { Channel } from './channel.ts'
import { emailChannel } from './email.ts'
import type { NotificationSettings } from './settings.ts'
import { slackChannel } from './slack.ts'
import { webhookChannel } from './webhook.ts'

/** The channels that the settings configure. */
export function channelsOf({ slack, webhook, email }: NotificationSettings): Channel[] {
  return [
    ...(slack ? [slackChannel(slack)] : []),
    ...(webhook ? [webhookChannel(webhook)] : []),
    ...(email ? [emailChannel(email)] : []),
  ]
}
