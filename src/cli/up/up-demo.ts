import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { z } from 'zod'
import { readSecretFile } from '../../config/index.ts'
import { DEMO_APPLICATIONS, DEMO_SCOPE, type DemoApplication } from '../../demo/index.ts'
import { call } from '../../http/index.ts'
import type { SeedDocument } from '../../monolith/index.ts'
import type { UpPlan } from './up-plan.ts'

/** The scopes that both servers know. */
export interface KnownScopes {
  readonly default_scope: readonly string[]
  readonly optional_scope: readonly string[]
}

/**
 * The scopes of an application that requests `wanted`, separated by spaces: none of its own, so that it may request
 * what the servers know, or `wanted` if they do not know all of it.
 */
export function ownScopes(wanted: string, { default_scope, optional_scope }: KnownScopes): string {
  const known = new Set([...default_scope, ...optional_scope])
  return wanted.split(' ').every((scope) => known.has(scope)) ? '' : wanted
}

/** The client with which the gateway requests a token from each side to check its marks. */
export const MARK_CHECK_CLIENT = 'handover-mark-check'

const demoFileSchema = z.array(
  z.object({ key: z.string(), id: z.int().positive(), client_id: z.string(), client_secret: z.string() }),
)

/** The users that exist when no seed is given. The system listens on loopback only. */
const DEMO_USERS = [
  { id: 1, username: 'alice', password: 'alice-password-1', name: 'Alice Example', email: 'alice@example.test' },
  { id: 2, username: 'bob', password: 'bob-password-2', name: 'Bob Example', email: 'bob@example.test' },
]

/**
 * The demo client's applications and the seed that registers them, added to `seed` if one is given. Their
 * credentials are generated once and kept in the data directory (mode 0600).
 */
export function demoData(
  plan: UpPlan,
  seed: SeedDocument | undefined,
  known: KnownScopes,
): { applications: DemoApplication[]; seed: SeedDocument } {
  const taken = Object.values(seed?.clients ?? {}).map((client) => client.id)
  const credentials = demoCredentials(plan.files.demoClient, Math.max(0, ...taken) + 1)
  const clients: SeedDocument['clients'] = { ...seed?.clients }
  const applications = DEMO_APPLICATIONS.map((application): DemoApplication => {
    const own = credentials.find((one) => one.key === application.key)
    if (!own) throw new Error(`${plan.files.demoClient} lacks ${application.key}; remove the file to create it again`)
    const confidential = application.key === 'web'
    clients[`demo_${application.key}`] = {
      id: own.id,
      name: application.name,
      uid: own.client_id,
      secret: own.client_secret,
      confidential,
      trusted: false,
      scopes: ownScopes(DEMO_SCOPE, known),
      redirect_uris: [`http://${plan.demo.host}:${plan.demo.port}/callback`],
    }
    const clientSecret = confidential ? own.client_secret : undefined
    return { ...application, id: own.id, clientId: own.client_id, clientSecret }
  })
  clients['mark_check'] = {
    id: Math.max(0, ...Object.values(clients).map(({ id }) => id)) + 1,
    name: 'Mark check of the gateway',
    uid: MARK_CHECK_CLIENT,
    secret: readSecretFile('--data-dir', plan.files.markCheckSecret),
    confidential: true,
    trusted: false,
    scopes: '',
    redirect_uris: ['urn:ietf:wg:oauth:2.0:oob'],
  }
  return { applications, seed: { users: seed?.users ?? DEMO_USERS, clients } }
}

function demoCredentials(file: string, firstId: number): z.infer<typeof demoFileSchema> {
  if (existsSync(file)) return demoFileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const made = DEMO_APPLICATIONS.map(({ key }, index) => ({
    key,
    id: firstId + index,
    client_id: randomBytes(32).toString('hex'),
    client_secret: `gloas-${randomBytes(32).toString('hex')}`,
  }))
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 })
  return made
}

const explainedSchema = z.object({ destination: z.enum(['rails', 'iam']) })
const EXPLAIN_MS = 2_000

/** The side of new sign-ins of an application, according to the control plane; undefined if it does not answer. */
export async function currentSide(plan: UpPlan, application: DemoApplication): Promise<'IAM' | 'monolith' | undefined> {
  const path = application.grant === 'device_code' ? '/oauth/authorize_device' : '/oauth/authorize'
  try {
    const { json } = await call({
      method: 'POST',
      url: `http://${plan.control.host}:${plan.control.port}/api/v1/explain`,
      headers: { authorization: `Bearer ${readSecretFile('--data-dir', plan.files.gatewayToken)}` },
      json: { client_id: application.clientId, path },
      timeoutMs: EXPLAIN_MS,
    })
    const explained = explainedSchema.safeParse(json)
    if (!explained.success) return undefined
    return explained.data.destination === 'iam' ? 'IAM' : 'monolith'
  } catch {
    return undefined
  }
}

/** A command as a user types it in the directory that this system was started from. */
export function demoCommand(plan: UpPlan, text: string): string {
  const token = join(plan.dataDir, 'admin-token')
  const isDefault = resolve(plan.dataDir) === resolve('data')
  const given = relative('', token)
  return `./bin/handover ${text}${isDefault ? '' : ` --token-file ${given.startsWith('..') ? resolve(token) : given}`}`
}
