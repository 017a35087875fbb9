import { z } from 'zod'
import { type Application, applicationPolicySchema } from '../applications/index.ts'
import { storableText, userClaimsSchema } from '../handoff/index.ts'
import { type ApplicationRegistry, secretDigest } from './applications/registry.ts'
import type { Users } from './users/users.ts'

const userSchema = z.object({
  id: z.int().positive(),
  username: storableText(1, 255),
  password: z.string().min(1).max(1_024),
  name: storableText(0, 255),
  email: storableText(0, 255),
  /** Further claims of the user, as clients see them. */
  claims: userClaimsSchema.optional(),
})

const clientSchema = z.object({
  id: z.int().positive(),
  name: z.string().min(1).max(255),
  uid: z.string().min(1).max(255),
  /** Omitted or null: the application has no secret. */
  secret: z.string().min(1).nullish(),
  confidential: z.boolean(),
  trusted: z.boolean().default(false),
  /** Separated by spaces; empty: all. */
  scopes: z.string().default(''),
  redirect_uris: z.array(z.string().min(1).max(2_048)).max(100),
  /** The application's own policy; omitted: the server's default for everyone. */
  policy: applicationPolicySchema.optional(),
})

/** The initial users and applications. Other members of a document are ignored. */
export const seedSchema = z.object({
  users: z.array(userSchema).default([]),
  /** Each under a key that only serves readers of the document. */
  clients: z.record(z.string(), clientSchema).default({}),
})
export type SeedDocument = z.infer<typeof seedSchema>

/** Adds what does not exist yet, so that it may run at every start; users' changes are preserved. */
export async function plantSeed(
  seed: SeedDocument,
  users: Users,
  registry: ApplicationRegistry,
): Promise<{ readonly users: number; readonly applications: number }> {
  return {
    users: await users.add(seed.users),
    applications: await registry.add(Object.values(seed.clients).map(toApplication)),
  }
}

function toApplication(client: z.infer<typeof clientSchema>): Application {
  return {
    id: client.id,
    client_id: client.uid,
    name: client.name,
    secret_digest: client.secret ? secretDigest(client.secret) : null,
    redirect_uris: client.redirect_uris,
    scopes: client.scopes.split(/\s+/).filter((scope) => scope !== ''),
    confidential: client.confidential,
    trusted: client.trusted,
    version: 1,
    ...(client.policy && { policy: client.policy }),
  }
}
