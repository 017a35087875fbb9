/** One of the demo client's OAuth applications, with its credentials. */
export interface DemoApplication {
  readonly key: 'web' | 'phone' | 'tv'
  readonly id: number
  readonly name: string
  readonly clientId: string
  /** Undefined for a public client. */
  readonly clientSecret: string | undefined
  readonly grant: 'authorization_code' | 'device_code'
  readonly about: string
}

/** The scopes that the demo requests: the platform's API, and the identity of the user. */
export const DEMO_SCOPE = 'read_user openid profile email'

/** The applications, without their credentials. */
export const DEMO_APPLICATIONS = [
  { key: 'web', name: 'Demo web app', grant: 'authorization_code', about: 'A server-side application with a secret.' },
  {
    key: 'phone',
    name: 'Demo phone app',
    grant: 'authorization_code',
    about: 'A public client with PKCE and no secret.',
  },
  { key: 'tv', name: 'Demo TV app', grant: 'device_code', about: 'A device without a keyboard: the device flow.' },
] as const satisfies ReadonlyArray<Pick<DemoApplication, 'key' | 'name' | 'grant' | 'about'>>
