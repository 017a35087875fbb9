/** Who is notified of rollouts; every part is optional. Tokens, secrets and passwords are read from files. */
export interface NotificationSettings {
  readonly slack?: SlackChannelSettings | undefined
  readonly webhook?: WebhookSettings | undefined
  readonly email?: EmailSettings | undefined
  /** The address of the control plane as people reach it; messages link to a rollout there. */
  readonly publicUrl?: string | undefined
  /** The minimum time between two messages about one rollout on one channel. Default: 60 s. */
  readonly intervalMs?: number | undefined
}

/** A Slack channel that an app posts to: only its API returns what a thread needs, incoming webhooks do not. */
export interface SlackChannelSettings {
  /** The base of Slack's Web API, without a trailing slash. */
  readonly apiUrl: string
  readonly token: string
  /** The id of the channel. */
  readonly channel: string
}

/** A server that receives each message as signed JSON. */
export interface WebhookSettings {
  readonly url: string
  /** The key of the signature, at least 24 bytes. */
  readonly secret: Uint8Array
  /** Origins that webhooks of plans may have; without them, a plan may name the configured webhook only. */
  readonly planOrigins?: readonly string[] | undefined
}

/** A mail server and the recipients. */
export interface EmailSettings {
  readonly host: string
  readonly port: number
  /** `starttls` refuses a server that does not offer it; `none` is for a relay on the same machine. */
  readonly tls: 'implicit' | 'starttls' | 'none'
  readonly user?: { readonly name: string; readonly password: string } | undefined
  readonly from: string
  readonly to: readonly string[]
  /** The certificate authorities to trust instead of the well-known ones, in PEM. */
  readonly ca?: string | undefined
}
