/** The user who grants access. */
export interface ResourceOwner {
  /** Decimal digits. */
  readonly id: string
  readonly username: string
  readonly name: string
  readonly email: string
  /** Further claims from the platform, by claim name; null means no value. */
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

/** Looks up users. */
export interface ResourceOwnerStore {
  find(id: string): Promise<ResourceOwner | undefined>
  /**
   * Omitted: the password grant is unsupported. `network` is the origin of the guess. Rejects with
   * `TooManyGuessesError` when the guess is not checked.
   */
  authenticate?(username: string, password: string, network: string): Promise<ResourceOwner | undefined>
}
