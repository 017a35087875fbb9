import { readFileSync } from 'node:fs'
import { z } from 'zod'

const client = z.object({
  uid: z.string(),
  secret: z.string(),
  confidential: z.boolean(),
  redirect_uris: z.tuple([z.string()], z.string()),
})
const clientKeys = ['conf', 'public', 'multi', 'native', 'limited', 'trusted', 'other', 'scoped'] as const
const schema = z.object({
  users: z.array(z.object({ username: z.string(), password: z.string() })),
  clients: z.record(z.enum(clientKeys), client),
})

/** An application of the seed. */
export type SeedClient = z.infer<typeof client>

/** The applications that the scenarios name. */
export type ClientKey = (typeof clientKeys)[number]

/** The data that a server must hold before the scenarios run. */
export type Seed = z.infer<typeof schema>

/** The file with the seed of the recording. */
export const SEED_FILE = new URL('../../test/fixtures/seed.json', import.meta.url)

/** Reads the seed; throws if an application that the scenarios name is missing. */
export function readSeed(): Seed {
  return schema.parse(JSON.parse(readFileSync(SEED_FILE, 'utf8')))
}
