import { z } from 'zod'
import { applicationPolicySchema } from './policy.ts'

/**
 * An OAuth application as the platform that owns it tells others about it. A secret is known by its digest only.
 * This is the document that replication carries, from the monolith to the IAM auth service and the control plane.
 */
export const applicationSchema = z.strictObject({
  /** The platform's own numeric id; the flag actor is `Authn::OauthApplication:<id>`. */
  id: z.int().positive(),
  client_id: z.string().min(1).max(255),
  name: z.string().max(255),
  /** SHA-512 of the client secret, 128 lower-case hex digits; null for an application that has none. */
  secret_digest: z
    .string()
    .regex(/^[0-9a-f]{128}$/, 'must be 128 lower-case hex digits')
    .nullable(),
  redirect_uris: z.array(z.string().min(1).max(2_048)).max(100),
  /** Empty: every scope of the server. */
  scopes: z.array(z.string().min(1).max(255)).max(200),
  confidential: z.boolean(),
  /** A trusted application is never asked for consent. */
  trusted: z.boolean(),
  /** Grows by at least one with every change of the application; orders what arrives. */
  version: z.int().positive(),
  /** Left out: whatever the server that serves it holds everybody to. */
  policy: applicationPolicySchema.optional(),
})

/** See {@link applicationSchema}. */
export type Application = z.infer<typeof applicationSchema>

/** The flag actor of an application: what Flipper calls its id. */
export function actorOf(application: { readonly id: number }): string {
  return `${ACTOR_TYPE}:${application.id}`
}

/** The type part of an application's actor. */
export const ACTOR_TYPE = 'Authn::OauthApplication'
