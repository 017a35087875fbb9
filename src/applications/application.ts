import { z } from 'zod'
import { applicationPolicySchema } from './policy.ts'

/**
 * An OAuth application as the platform that owns it publishes it, with the secret only as a digest. This is the
 * document that is replicated from the monolith to the IAM auth service and the control plane.
 */
export const applicationSchema = z.strictObject({
  /** The platform's own numeric id; the flag actor is `Authn::OauthApplication:<id>`. */
  id: z.int().positive(),
  client_id: z.string().min(1).max(255, 'must be at most 255 characters'),
  name: z.string().max(255, 'must be at most 255 characters'),
  /** SHA-512 of the client secret, 128 lower-case hex digits; null for an application without a secret. */
  secret_digest: z
    .string()
    .regex(/^[0-9a-f]{128}$/, 'must be 128 lower-case hex digits')
    .nullable(),
  redirect_uris: z.array(z.string().min(1).max(2_048)).max(100),
  /** Empty: every scope of the server. */
  scopes: z.array(z.string().min(1).max(255)).max(200),
  confidential: z.boolean(),
  /** A trusted application needs no consent. */
  trusted: z.boolean(),
  /** Increases with every change of the application; determines the order of documents. */
  version: z.int().positive(),
  /** Omitted: the default policy of the server. */
  policy: applicationPolicySchema.optional(),
})

/** The type of {@link applicationSchema}. */
export type Application = z.infer<typeof applicationSchema>

/** The flag actor of an application: the id that Flipper uses for it. */
export function actorOf(application: { readonly id: number }): string {
  return `${ACTOR_TYPE}:${application.id}`
}

/** The type part of an application's actor. */
export const ACTOR_TYPE = 'Authn::OauthApplication'
