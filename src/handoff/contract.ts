import { z } from 'zod'
import { storableText, userClaimsSchema } from './user-claims.ts'

/**
 * The internal API of the IAM auth service: what a monolith's sign-in, consent and device pages, its replication and
 * its resource servers call. Every call carries {@link AUTH_TOKEN_HEADER}. Wrong or missing token: 401. An invalid
 * body: 400 `{"error":"invalid_request","error_description":…}`. An unknown or expired challenge: 404
 * `{"error":"not_found"}`; challenges are valid for hours. A challenge may be answered as often as its user presses a
 * button: the same answer again returns the same redirect, and a different answer (another user, or a refusal after
 * all) a different one. Each time the browser returns with an answer it is sent on, with a new code when the flow is
 * complete.
 */
export const AUTH_TOKEN_HEADER = 'gitlab-iam-auth-token'

/** The origin of a request to IAM's token endpoint: an IPv4 address or the /64 of an IPv6 one. */
export const CLIENT_ADDRESS_HEADER = 'gitlab-iam-client-address'

/**
 * Paths on the internal port. Challenges are query parameters: `?challenge=` for PUT,
 * `?login_challenge=`/`?consent_challenge=` for GET.
 */
export const INTERNAL_PATHS = {
  login: '/oauth2/internal/auth/requests/login',
  loginAccept: '/oauth2/internal/auth/requests/login/accept',
  loginReject: '/oauth2/internal/auth/requests/login/reject',
  consent: '/oauth2/internal/auth/requests/consent',
  consentAccept: '/oauth2/internal/auth/requests/consent/accept',
  consentReject: '/oauth2/internal/auth/requests/consent/reject',
  /**
   * GET `?user_code=`: the device waiting under this code, for a page that shows it before approval: {@link
   * deviceRequestSchema}.
   */
  device: '/oauth2/internal/auth/requests/device',
  /**
   * PUT `?user_code=`: approves a device for a user. 404 for an unknown, used or expired code; an expired one has
   * `"reason":"expired"`. 429 with `Retry-After` for a user with too many wrong guesses.
   */
  deviceAccept: '/oauth2/internal/auth/requests/device/accept',
  /** POST {@link internalIntrospectionSchema}: for the platform's resource servers, which are not OAuth clients. */
  introspect: '/oauth2/internal/introspect',
  /**
   * GET `?since=` (RFC 3339; default: everything): security events by time, at most 1,000. Repeat from the last
   * `occurred_at`, which is included again, and distinguish events by `id`.
   */
  securityEvents: '/oauth2/internal/security_events',
  /**
   * GET `?after=ID&limit=N&client_id=`: each application's live credentials: {@link liveCredentialsSchema}. Pages of at
   * most 100 applications; `next` is the `after` of the next page.
   */
  credentials: '/oauth2/internal/credentials',
  /**
   * POST {@link credentialRevocationSchema}: revokes a batch of at most 5,000 of each kind and records a security
   * event: {@link revokedBatchSchema}. Repeat until `done`. 404 for an unknown client.
   */
  credentialsRevoke: '/oauth2/internal/credentials/revoke',
  /**
   * GET `?subject=&client_id=` (`client_id` optional): the applications that a user has authorized through this
   * service: {@link grantsSchema}.
   */
  grants: '/oauth2/internal/grants',
  /**
   * POST {@link grantRevocationSchema}: revokes every token, code and approved device of one user and one application:
   * {@link revokedGrantsSchema}. Repeatable; an unknown application has none.
   */
  grantsRevoke: '/oauth2/internal/grants/revoke',
  /**
   * PUT {@link userDocumentSchema}: a user's changes, by version; {@link storedUserSchema}. A user unknown to IAM is
   * not stored, unless blocked. DELETE `/:subject?version=N`: permanently deletes the user and everything stored about
   * them. Either immediately ends all credentials of a blocked or deleted user. GET `?after=SUBJECT&limit=N`: the users
   * that IAM knows, {@link knownUsersSchema}.
   */
  users: '/oauth2/internal/users',
  /**
   * POST {@link userRevocationSchema}: ends all of a user's credentials so far: {@link revokedUserSchema}. Repeatable.
   */
  usersRevoke: '/oauth2/internal/users/revoke',
  /**
   * PUT an application document: inserted, or updated when its version is higher: {@link storedClientSchema}; DELETE
   * `/:client_id?version=N`. GET `?after=ID&up_to=ID&limit=N` lists `{id, client_id, version}`; without parameters, all
   * of at most 500,000. POST: a batch of documents. See `replication.ts` for batches, digests and pages.
   */
  clients: '/oauth2/internal/clients',
  /** GET `?bounds=ID,ID,…`: digests of ranges of applications. An older service answers 404. */
  clientDigests: '/oauth2/internal/client_digests',
  /**
   * GET: {@link capabilitiesSchema}, what this service supports with its current settings. An older service answers
   * 404.
   */
  capabilities: '/oauth2/internal/capabilities',
  /** GET lists the signing keys: {@link signingKeysSchema}, which is also the answer of both changes. */
  keys: '/oauth2/internal/keys',
  /** POST: lets the next key sign as soon as it has been published for the lead time. */
  keysRotate: '/oauth2/internal/keys/rotate',
  /**
   * POST {@link keyRetirementSchema}. 404 for an unknown key, 409 `{"error":"conflict"}` when tokens would become
   * invalid and `now` is not set.
   */
  keysRetire: '/oauth2/internal/keys/retire',
} as const

const subject = z.string().regex(/^[1-9]\d{0,18}$/, 'must be the decimal string of a positive integer')

const profile = {
  /** The user's id, as a decimal string. */
  subject,
  /** Disclosed as the claims `nickname` and `preferred_username`. */
  username: storableText(1, 255),
  /** Disclosed as the claim of the same name, like `email`; empty: absent. */
  name: storableText(0, 255),
  email: storableText(0, 255),
  /**
   * Further claims for userinfo and ID tokens, such as `email_verified`, `picture` and `groups`, within the bounds of
   * {@link userClaimsSchema}. Claims that IAM's settings do not list are stored but not disclosed. They override the
   * fields above.
   */
  claims: userClaimsSchema.default({}),
}

/** Increases with every change of a user; see {@link userDocumentSchema}. */
const userVersion = z.int().positive()
/**
 * A number that the platform raises to end all of a user's credentials so far: "sign out everywhere", or a password
 * change where the platform ends tokens with it.
 */
const credentialsEpoch = z.int().nonnegative()

/** A user as authenticated by the monolith, and everything that IAM knows about the user. */
export const resourceOwnerSchema = z.strictObject({
  ...profile,
  /** As in {@link userDocumentSchema}, when the platform replicates its users. */
  version: userVersion.optional(),
  credentials_epoch: credentialsEpoch.optional(),
  /** Seconds since the epoch of the user's last sign-in. */
  auth_time: z.int().positive(),
})
export type ResourceOwnerDocument = z.infer<typeof resourceOwnerSchema>

/** PUT users: a user after a change. The document with the higher version wins, in whatever order they arrive. */
export const userDocumentSchema = z.strictObject({
  ...profile,
  /** A blocked user has no credentials and obtains none, until a later version is `active`. */
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
  /** The version that IAM has after the call: null for an unknown user, or for one without a reported version. */
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
  /** The request has `prompt=none`: show no sign-in; reject when no user is signed in. */
  prompt_none: z.boolean(),
  /** The user must sign in again, although signed in (prompt=login, max_age). */
  reauthenticate: z.boolean(),
  /** True: login/accept may contain `granted_scopes`. Absent: it must not. */
  asks_granted_scopes: z.boolean().optional(),
})

/** The maximum number of scope texts in {@link loginAcceptSchema}. */
export const MOST_GRANTED_SCOPES = 100
/**
 * PUT login/accept. Answer of every accept and reject: {@link redirectSchema}. 400 with `"reason":"sign_in_too_old"`
 * when the challenge requires a new sign-in and this one is older than the request, or than ten minutes: show the
 * sign-in form. 409 for a user who is blocked or deleted at IAM.
 */
export const loginAcceptSchema = resourceOwnerSchema.extend({
  /**
   * The scope texts of the unrevoked tokens that the monolith itself has issued for this user and the client of the
   * challenge, newest first: they count as consent. Only when the challenge requests them.
   */
  granted_scopes: z.array(z.string().max(2_000)).max(MOST_GRANTED_SCOPES).optional(),
})
/** What the monolith sends. */
export type LoginAccept = z.input<typeof loginAcceptSchema>
/**
 * PUT login/reject and consent/reject. For consent/reject, `login_required` means that another user has signed in
 * since: the request starts again with sign-in.
 */
export const rejectSchema = z.strictObject({
  error: z.string().min(1).max(64),
  error_description: z.string().max(500).optional(),
})
/** Where to send the browser next: an address on the issuer's origin. */
export const redirectSchema = z.object({ redirect_to: z.url() })

/** GET consent: the data for the consent page. */
export const consentRequestSchema = z.object({
  challenge: z.string(),
  /** Accept immediately and show nothing: a trusted application, or earlier consent. */
  skip: z.boolean(),
  subject: z.string(),
  requested_scope: z.array(z.string()),
  client: z.object({ client_id: z.string(), client_name: z.string(), redirect_uri: z.string() }),
})
export type ConsentRequest = z.infer<typeof consentRequestSchema>

/** PUT consent/accept: all or nothing, so `grant_scope` must equal the requested scopes. */
export const consentAcceptSchema = z.strictObject({
  grant_scope: z.array(z.string()),
  /** The monolith's signed-in user at the time of consent; must be the subject of the challenge. */
  subject: z.string(),
})

/** GET device. 404 for an unknown, used or expired code. */
export const deviceRequestSchema = z.object({
  client: z.object({ client_id: z.string(), client_name: z.string() }),
  requested_scope: z.array(z.string()),
})
export type DeviceRequest = z.infer<typeof deviceRequestSchema>

/** PUT device/accept; 409 for a user who is blocked or deleted at IAM. */
export const deviceAcceptSchema = resourceOwnerSchema

/** GET capabilities. */
export const capabilitiesSchema = z.object({
  /** The grant types (RFC 8414 §2) that it can serve; an application's policy may forbid some. */
  grant_types: z.array(z.string()),
  /** The version of the service, with its build if it has one; an older service does not tell. */
  version: z.string().max(200).optional(),
})

const time = z.iso.datetime()
/** The signing keys, without secrets. */
export const signingKeysSchema = z.object({
  keys: z.array(
    z.object({
      kid: z.string(),
      alg: z.string(),
      /** `next` is published, `current` signs, `retired` is published until what it signed has expired. */
      state: z.enum(['next', 'current', 'retired']),
      published_at: time,
      /** Null for a standby key. */
      signs_from: time.nullable(),
      /** Null while no successor is scheduled; likewise the next field. */
      signs_until: time.nullable(),
      published_until: time.nullable(),
    }),
  ),
})
export type SigningKeysDocument = z.infer<typeof signingKeysSchema>

/** POST keys/retire. `now` removes a key at once although live tokens are signed with it: for a stolen key. */
export const keyRetirementSchema = z.strictObject({ kid: z.string().min(1).max(255), now: z.boolean().default(false) })

const liveCountSchema = z.object({
  count: z.int(),
  /** Null when there is none. */
  earliest_expiry: time.nullable(),
  latest_expiry: time.nullable(),
})
/** The live credentials of one application. */
export const applicationCredentialsSchema = z.object({
  client_id: z.string(),
  name: z.string(),
  access_tokens: liveCountSchema,
  /** Refresh tokens never expire on their own; `families` is the number of grants that they descend from. */
  refresh_tokens: z.object({ count: z.int(), families: z.int(), without_expiry: z.int() }),
  codes: liveCountSchema,
  device_codes: liveCountSchema,
})
export type ApplicationCredentials = z.infer<typeof applicationCredentialsSchema>
/**
 * GET credentials. `next` is the `after` of the next page, null at the end; a page may contain fewer entries than its
 * limit.
 */
export const liveCredentialsSchema = z.object({
  as_of: time,
  applications: z.array(applicationCredentialsSchema),
  next: z.int().nullable(),
})

/** POST credentials/revoke. A pair of access and refresh token is revoked as one; `confirm` repeats the client_id. */
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
/** Its answer: the unrevoked tokens by application and set of scopes, newest first, at most 1,000 entries. */
export const grantsSchema = z.object({
  grants: z.array(
    z.object({
      /** The application's id. */
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
/** Its answer: the numbers of revoked credentials. */
export const revokedGrantsSchema = z.object({
  revoked: z.object({ tokens: z.int(), codes: z.int(), device_codes: z.int() }),
})

/**
 * Answer of PUT clients. `stored` false: IAM already has the same version or a newer one, which is not this document
 * unless `version` is the document's and `state` is `held`. A sender that owns the application raises its version above
 * `version` and sends it again.
 */
export const storedClientSchema = z.object({
  client_id: z.string(),
  stored: z.boolean(),
  /** The version that IAM has, or that of the removal it remembers. Absent: an older IAM that does not report it. */
  version: z.int().optional(),
  state: z.enum(['held', 'removed']).optional(),
})

/** POST introspect. */
export const internalIntrospectionSchema = z.strictObject({ token: z.string().min(1).max(8_192) })
/** Its answer. */
export const internalIntrospectionAnswerSchema = z.object({
  active: z.boolean(),
  /** Absent for an inactive token, and for one without a user. */
  subject: z.string().optional(),
  client_id: z.string().optional(),
  scopes: z.array(z.string()).optional(),
  exp: z.int().optional(),
})

/**
 * The only call in the other direction, for the password grant: POST {username, password} to the monolith, with {@link
 * AUTH_TOKEN_HEADER}. 200 with a {@link resourceOwnerSchema}, 404 when the credentials are wrong, 429 with
 * `Retry-After` when they are not checked because there were too many guesses; {@link CLIENT_ADDRESS_HEADER} is the
 * origin of the guess.
 */
export const RESOURCE_OWNER_PATH = '/-/iam/resource_owner'
export const resourceOwnerCredentialsSchema = z.strictObject({
  username: z.string().max(1_024),
  password: z.string().max(1_024),
})
