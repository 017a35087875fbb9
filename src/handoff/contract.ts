import { z } from 'zod'
import { storableText, userClaimsSchema } from './user-claims.ts'

/**
 * The internal API of the IAM auth service: what a monolith's sign-in, consent and device pages, its replication and
 * its resource servers call. Every call carries {@link AUTH_TOKEN_HEADER}. Wrong or no token: 401. A body that does
 * not fit: 400 `{"error":"invalid_request","error_description":…}`. An unknown or expired challenge: 404
 * `{"error":"not_found"}`; challenges live for hours. A challenge may be answered as often as its user presses a button: the
 * same answer again leads the browser back the same way, another answer (another user, a refusal after all) another way.
 * Each time the browser comes back with an answer it is led on, to a code of its own where the flow is complete.
 */
export const AUTH_TOKEN_HEADER = 'gitlab-iam-auth-token'

/** Where the caller of IAM's token endpoint came from: an IPv4 address or the /64 of an IPv6 one. */
export const CLIENT_ADDRESS_HEADER = 'gitlab-iam-client-address'

/** Paths on the internal port. Challenges go in the query: `?challenge=` for PUT, `?login_challenge=`/`?consent_challenge=` for GET. */
export const INTERNAL_PATHS = {
  login: '/oauth2/internal/auth/requests/login',
  loginAccept: '/oauth2/internal/auth/requests/login/accept',
  loginReject: '/oauth2/internal/auth/requests/login/reject',
  consent: '/oauth2/internal/auth/requests/consent',
  consentAccept: '/oauth2/internal/auth/requests/consent/accept',
  consentReject: '/oauth2/internal/auth/requests/consent/reject',
  /** GET `?user_code=`: what waits under this code, for a page that asks before it approves: {@link deviceRequestSchema}. */
  device: '/oauth2/internal/auth/requests/device',
  /** PUT `?user_code=`: approves a device for a user. 404 for a code that is unknown, used or expired; the last with `"reason":"expired"`. 429 with `Retry-After` for a user who has guessed too often. */
  deviceAccept: '/oauth2/internal/auth/requests/device/accept',
  /** POST {@link internalIntrospectionSchema}: for the resource servers of the platform, which hold no client. */
  introspect: '/oauth2/internal/introspect',
  /**
   * GET `?since=` (RFC 3339; default: everything): security events by time, at most 1,000. Ask again from the last
   * `occurred_at` on, which comes again, and tell events apart by `id`.
   */
  securityEvents: '/oauth2/internal/security_events',
  /**
   * GET `?after=ID&limit=N&client_id=`: what lives of each application: {@link liveCredentialsSchema}. Pages of at most
   * 100 applications, the next one `after` what `next` says.
   */
  credentials: '/oauth2/internal/credentials',
  /**
   * POST {@link credentialRevocationSchema}: ends a batch, at most 5,000 of each kind, on record as a security event:
   * {@link revokedBatchSchema}. Say it again until `done`. 404 for an unknown client.
   */
  credentialsRevoke: '/oauth2/internal/credentials/revoke',
  /**
   * GET `?subject=&client_id=` (`client_id` optional): what a user has let applications do through this service:
   * {@link grantsSchema}.
   */
  grants: '/oauth2/internal/grants',
  /**
   * POST {@link grantRevocationSchema}: revokes every token, code and approved device of one user and one application:
   * {@link revokedGrantsSchema}. Repeatable; an application that is unknown here has none.
   */
  grantsRevoke: '/oauth2/internal/grants/revoke',
  /**
   * PUT {@link userDocumentSchema}: what has changed of a user, by version; {@link storedUserSchema}. A user of whom
   * IAM knows nothing is not stored, unless blocked. DELETE `/:subject?version=N`: the user is gone for good, and what
   * was known of them with it. Either ends at once what a blocked or deleted user has. GET `?after=SUBJECT&limit=N`: whom
   * IAM knows, {@link knownUsersSchema}.
   */
  users: '/oauth2/internal/users',
  /** POST {@link userRevocationSchema}: ends all that a user has until now: {@link revokedUserSchema}. Repeatable. */
  usersRevoke: '/oauth2/internal/users/revoke',
  /** PUT an application document: inserted, or updated when its version is higher: {@link storedClientSchema}; DELETE `/:client_id?version=N`. GET lists `{client_id, version}`. */
  clients: '/oauth2/internal/clients',
  /** GET: {@link capabilitiesSchema}, what this service can do as it was started. An older service answers 404. */
  capabilities: '/oauth2/internal/capabilities',
  /** GET lists the signing keys: {@link signingKeysSchema}, the answer of both changes too. */
  keys: '/oauth2/internal/keys',
  /** POST: has the next key sign as soon as it has been published for long enough. */
  keysRotate: '/oauth2/internal/keys/rotate',
  /** POST {@link keyRetirementSchema}. 404 for an unknown key, 409 `{"error":"conflict"}` when tokens would break and `now` is not said. */
  keysRetire: '/oauth2/internal/keys/retire',
} as const

const subject = z.string().regex(/^[1-9]\d{0,18}$/, 'must be the decimal string of a positive integer')

const profile = {
  /** The user's id, as a decimal string. */
  subject,
  /** Shown as the claims `nickname` and `preferred_username`. */
  username: storableText(1, 255),
  /** Shown as the claim of its name, like `email`; empty: there is none. */
  name: storableText(0, 255),
  email: storableText(0, 255),
  /**
   * What else userinfo and ID tokens may show, such as `email_verified`, `picture` and `groups`, within the bounds of
   * {@link userClaimsSchema}. Those that IAM's settings do not name are kept and not shown. They go before the fields above.
   */
  claims: userClaimsSchema.default({}),
}

/** A number that grows with every change of what is said of a user; see {@link userDocumentSchema}. */
const userVersion = z.int().positive()
/**
 * A number that the platform raises to end everything that a user has until then: "sign out everywhere", or a password
 * change where the platform has that end tokens.
 */
const credentialsEpoch = z.int().nonnegative()

/** A user as the monolith vouches for them. Nothing is known of a user but what this says. */
export const resourceOwnerSchema = z.strictObject({
  ...profile,
  /** Both as in {@link userDocumentSchema}, where the platform replicates its users. */
  version: userVersion.optional(),
  credentials_epoch: credentialsEpoch.optional(),
  /** Seconds since the epoch of the user's last sign-in. */
  auth_time: z.int().positive(),
})
export type ResourceOwnerDocument = z.infer<typeof resourceOwnerSchema>

/** PUT users: a user after a change. Of two documents the one with the higher version holds, whichever comes first. */
export const userDocumentSchema = z.strictObject({
  ...profile,
  /** A blocked user has nothing and gets nothing, until a later version says `active`. */
  state: z.enum(['active', 'blocked']).default('active'),
  version: userVersion,
  credentials_epoch: credentialsEpoch.optional(),
})
export type UserDocument = z.infer<typeof userDocumentSchema>

const userState = z.enum(['active', 'blocked', 'deleted'])
/** Answer of PUT users and DELETE users/:subject. */
export const storedUserSchema = z.object({
  subject: z.string(),
  stored: z.boolean(),
  /** What IAM holds after the call: null for a user of whom it knows nothing, or has never been told a version. */
  version: z.int().nullable(),
  state: userState.nullable(),
})
/** GET users. `next` is the `after` of the next page, null at the end. */
export const knownUsersSchema = z.object({
  users: z.array(z.object({ subject: z.string(), version: z.int().nullable(), state: userState })),
  next: z.string().nullable(),
})
/** POST users/revoke. */
export const userRevocationSchema = z.strictObject({ subject })
/** Its answer. */
export const revokedUserSchema = z.object({ subject: z.string(), tokens_revoked: z.int() })

/** GET login: what the sign-in page needs to know. */
export const loginRequestSchema = z.object({
  challenge: z.string(),
  client_id: z.string(),
  /** The request came with `prompt=none`: sign nobody in, reject when nobody is. */
  prompt_none: z.boolean(),
  /** The user must sign in anew, although signed in (prompt=login, max_age). */
  reauthenticate: z.boolean(),
  /** True: login/accept may carry `granted_scopes`. Absent: it must not. */
  asks_granted_scopes: z.boolean().optional(),
})

/** The most scope texts that {@link loginAcceptSchema} takes. */
export const MOST_GRANTED_SCOPES = 100
/**
 * PUT login/accept. Answer of every accept and reject: {@link redirectSchema}. 400 with `"reason":"sign_in_too_old"` when the
 * challenge asks for a new sign-in and this one is older than the request, or than ten minutes: show the sign-in form.
 * 409 for a user who is blocked or deleted at IAM.
 */
export const loginAcceptSchema = resourceOwnerSchema.extend({
  /**
   * The scope texts of the unrevoked tokens that the monolith itself has issued for this user and the client of the
   * challenge, the newest first: consent that still stands. Only where the challenge asks for them.
   */
  granted_scopes: z.array(z.string().max(2_000)).max(MOST_GRANTED_SCOPES).optional(),
})
/** What the monolith sends. */
export type LoginAccept = z.input<typeof loginAcceptSchema>
/**
 * PUT login/reject and consent/reject. With `login_required` the latter says that another user has signed in since: the
 * request begins again with sign-in.
 */
export const rejectSchema = z.strictObject({
  error: z.string().min(1).max(64),
  error_description: z.string().max(500).optional(),
})
/** Where to send the browser next: an address of the issuer's own origin. */
export const redirectSchema = z.object({ redirect_to: z.url() })

/** GET consent: what the consent page shows. */
export const consentRequestSchema = z.object({
  challenge: z.string(),
  /** Accept at once, show nothing: a trusted application, or consent that still stands. */
  skip: z.boolean(),
  subject: z.string(),
  requested_scope: z.array(z.string()),
  client: z.object({ client_id: z.string(), client_name: z.string(), redirect_uri: z.string() }),
})
export type ConsentRequest = z.infer<typeof consentRequestSchema>

/** PUT consent/accept: all or nothing, so `grant_scope` must equal the requested scopes. */
export const consentAcceptSchema = z.strictObject({
  grant_scope: z.array(z.string()),
  /** The monolith's user at the time of consent; must be the subject of the challenge. */
  subject: z.string(),
})

/** GET device. 404 for a code that is unknown, used or expired. */
export const deviceRequestSchema = z.object({
  client: z.object({ client_id: z.string(), client_name: z.string() }),
  requested_scope: z.array(z.string()),
})
export type DeviceRequest = z.infer<typeof deviceRequestSchema>

/** PUT device/accept; 409 for a user who is blocked or deleted at IAM. */
export const deviceAcceptSchema = resourceOwnerSchema

/** GET capabilities. */
export const capabilitiesSchema = z.object({
  /** The grant types (RFC 8414 §2) it can serve; whether an application may use one is a matter of its policy. */
  grant_types: z.array(z.string()),
})

const time = z.iso.datetime()
/** The signing keys, without any secret. */
export const signingKeysSchema = z.object({
  keys: z.array(
    z.object({
      kid: z.string(),
      alg: z.string(),
      /** `next` is published, `current` signs, `retired` is published until what it signed has expired. */
      state: z.enum(['next', 'current', 'retired']),
      published_at: time,
      /** Null: it stands by. */
      signs_from: time.nullable(),
      /** Null while no successor has its time; so with the next. */
      signs_until: time.nullable(),
      published_until: time.nullable(),
    }),
  ),
})
export type SigningKeysDocument = z.infer<typeof signingKeysSchema>

/** POST keys/retire. `now` takes a key out at once although tokens signed with it live: for a key that was stolen. */
export const keyRetirementSchema = z.strictObject({ kid: z.string().min(1).max(255), now: z.boolean().default(false) })

const livingSchema = z.object({
  count: z.int(),
  /** Null when there is none. */
  earliest_expiry: time.nullable(),
  latest_expiry: time.nullable(),
})
/** What lives of one application. */
export const applicationCredentialsSchema = z.object({
  client_id: z.string(),
  name: z.string(),
  access_tokens: livingSchema,
  /** They never expire by themselves; `families` counts the grants that they descend from. */
  refresh_tokens: z.object({ count: z.int(), families: z.int(), without_expiry: z.int() }),
  codes: livingSchema,
  device_codes: livingSchema,
})
export type ApplicationCredentials = z.infer<typeof applicationCredentialsSchema>
/** GET credentials. `next` is the `after` of the next page, null at the end; a page may hold fewer than its limit. */
export const liveCredentialsSchema = z.object({
  as_of: time,
  applications: z.array(applicationCredentialsSchema),
  next: z.int().nullable(),
})

/** POST credentials/revoke. A pair of access and refresh token ends as one; `confirm` repeats the client_id. */
export const credentialRevocationSchema = z
  .strictObject({
    client_id: z.string().min(1).max(255),
    kinds: z
      .array(z.enum(['tokens', 'codes', 'device_codes']))
      .min(1)
      .default(['tokens', 'codes', 'device_codes']),
    confirm: z.string(),
  })
  .refine(({ client_id, confirm }) => client_id === confirm, {
    path: ['confirm'],
    message: 'must repeat the client_id',
  })
/** Its answer. */
export const revokedBatchSchema = z.object({
  client_id: z.string(),
  revoked: z.object({ tokens: z.int(), codes: z.int(), device_codes: z.int() }),
  done: z.boolean(),
})

const clientId = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\0]*$/, 'must not contain a NUL')
/** GET grants: the query. */
export const grantsQuerySchema = z.strictObject({ subject, client_id: clientId.optional() })
/** Its answer: the unrevoked tokens by application and set of scopes, the newest first, at most 1,000 entries. */
export const grantsSchema = z.object({
  grants: z.array(
    z.object({
      /** The application's. */
      id: z.int().positive(),
      client_id: z.string(),
      client_name: z.string(),
      scope: z.string(),
      /** When the newest of these tokens was issued. */
      created_at: time,
    }),
  ),
})
export type GrantDocument = z.infer<typeof grantsSchema>['grants'][number]

/** POST grants/revoke. */
export const grantRevocationSchema = z.strictObject({ subject, client_id: clientId })
/** Its answer: how many were revoked. */
export const revokedGrantsSchema = z.object({
  revoked: z.object({ tokens: z.int(), codes: z.int(), device_codes: z.int() }),
})

/**
 * Answer of PUT clients. `stored` false: what IAM has is as new or newer, and this is not it unless `version` is that of the
 * document and `state` is `held`. A sender that owns the application raises its version above `version` and sends it again.
 */
export const storedClientSchema = z.object({
  client_id: z.string(),
  stored: z.boolean(),
  /** The version that IAM holds, or that of the removal it remembers. Absent: an IAM from before this was told. */
  version: z.int().optional(),
  state: z.enum(['held', 'removed']).optional(),
})

/** POST introspect. */
export const internalIntrospectionSchema = z.strictObject({ token: z.string().min(1).max(8_192) })
/** Its answer. */
export const internalIntrospectionAnswerSchema = z.object({
  active: z.boolean(),
  /** Absent for an inactive token, and for one that no user stands behind. */
  subject: z.string().optional(),
  client_id: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  exp: z.int().optional(),
})

/**
 * The one call in the other direction, for the password grant: POST {username, password} to the monolith, with
 * {@link AUTH_TOKEN_HEADER}. 200 with a {@link resourceOwnerSchema}, 404 when they do not fit, 429 with `Retry-After`
 * when they are not looked at because there were too many guesses; {@link CLIENT_ADDRESS_HEADER} says whose.
 */
export const RESOURCE_OWNER_PATH = '/-/iam/resource_owner'
export const resourceOwnerCredentialsSchema = z.strictObject({
  username: z.string().max(1_024),
  password: z.string().max(1_024),
})
