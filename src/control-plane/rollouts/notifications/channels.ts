import type { Channel } from './channels/channel.ts'
import { emailChannel } from './channels/email.ts'
import { slackChannel } from './channels/slack.ts'
import { webhookChannel } from './channels/webhook.ts'
import type { NotificationSettings } from './settings.ts'

/** The channels that the settings configure. */
export function channelsOf({ slack, webhook, email }: NotificationSettings): Channel[] {
  return [
    ...(slack ? [slackChannel(slack)] : []),
    ...(webhook ? [webhookChannel(webhook)] : []),
    ...(email ? [emailChannel(email)] : []),
  ]
}
