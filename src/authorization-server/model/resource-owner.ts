/** The user who grants access. */
export interface ResourceOwner {
  /** Decimal digits. */
  readonly id: string
  readonly username: string
  readonly name: string
  readonly email: string
  /** What else the platform says of the user, by the names of the claims; null stands for no value. */
  readonly claims: Readonly<Record<string, ClaimValue>>
  /** Seconds since the epoch of the last sign-in. */
  readonly authTime: number
}

/** The value of a claim: any JSON. */
export type ClaimValue =
  | string
  | number
  | boolean
  | null
  | readonly ClaimValue[]
  | { readonly [member: string]: ClaimValue }

/** Where users are known. */
export interface ResourceOwnerStore {
  find(id: string): Promise<ResourceOwner | undefined>
  /**
   * Left out: the password grant is unsupported. `network` is where the guess came from. Rejects with
   * `TooManyGuessesError` when it is not looked at.
   */
  authenticate?(username: string, password: string, network: string): Promise<ResourceOwner | undefined>
}
