import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { readKeyFile } from '../../config/index.ts'
import type { ProbeSettings } from '../../control-plane/index.ts'
import type { SeedDocument } from '../../monolith/index.ts'
import { OUTCOME_KINDS } from '../../outcomes/index.ts'
import { derivedFlowKey } from '../servers/settings/flow-key.ts'
import { type KnownScopes, ownScopes } from './up-demo.ts'
import type { UpPlan } from './up-plan.ts'

const twinFileSchema = z.object({
  user: z.object({ id: z.int().positive(), password: z.string() }),
  twins: z.array(
    z.object({ name: z.string(), id: z.int().positive(), client_id: z.string(), client_secret: z.string() }),
  ),
})
type TwinFile = z.infer<typeof twinFileSchema>

const NAMES = ['web', 'phone', 'limits', 'drill'] as const
const USERNAME = 'handover-probe'
const SCOPE = 'read_user openid profile email'
const STEP_LIMIT_MS = 10_000
/** What one IAM on the machine of a developer can serve. */
const IAM_REQUESTS_PER_SECOND = 200

/**
 * Twins of the demo client's applications and a user for them, added to `seed`, and the settings that probe them. Their
 * credentials are generated once and kept in the data directory (mode 0600).
 */
export function twinData(
  plan: UpPlan,
  seed: SeedDocument,
  known: KnownScopes,
): { readonly seed: SeedDocument; readonly probes: ProbeSettings } {
  const kept = credentials(plan.files.twins, seed)
  const redirectUri = `http://${plan.demo.host}:${plan.demo.port}/callback`
  const clients: SeedDocument['clients'] = { ...seed.clients }
  for (const { name, id, client_id, client_secret } of kept.twins) {
    const confidential = name !== 'phone'
    clients[`twin_${name}`] = {
      ...{ id, name: `Probe twin: ${name}`, uid: client_id, secret: confidential ? client_secret : null, confidential },
      ...{ trusted: false, scopes: ownScopes(SCOPE, known), redirect_uris: [redirectUri] },
    }
  }
  const user = { username: USERNAME, password: kept.user.password }
  const seeded = { id: kept.user.id, ...user, name: 'Handover probe', email: `${USERNAME}@example.test` }
  const common = { redirectUri, scope: SCOPE, usesPkce: true, user }
  const twins = kept.twins.map(({ name, client_id: clientId, client_secret }): ProbeSettings['twins'][number] => {
    const basic = { clientId, clientSecret: client_secret, authentication: 'client_secret_basic' as const }
    if (name === 'limits') {
      const twin = { ...common, ...basic, kinds: ['client_credentials'] as const }
      return { name, cohort: 'limits', sides: [], isForDrills: false, faults: ['too_many_requests'], twin }
    }
    if (name === 'drill') {
      const twin = { ...common, ...basic, kinds: ['sign_in', 'device', 'client_credentials', 'password'] as const }
      return { name, cohort: undefined, sides: [], isForDrills: true, faults: [], twin }
    }
    const faults = ['lost_answer', 'redirected_post'] as const
    if (name === 'web')
      return {
        name,
        cohort: undefined,
        sides: ['iam'],
        isForDrills: false,
        faults,
        twin: { ...common, ...basic, kinds: OUTCOME_KINDS },
      }
    const kinds = ['sign_in', 'device', 'refresh', 'revoke', 'userinfo'] as const
    const twin = { ...common, clientId, clientSecret: undefined, authentication: 'none' as const, kinds }
    return { name, cohort: undefined, sides: ['iam'], isForDrills: false, faults, twin }
  })
  return {
    seed: { users: [...seed.users, seeded], clients },
    probes: {
      origin: plan.issuer,
      stepLimitMs: STEP_LIMIT_MS,
      iamRequestsPerSecond: IAM_REQUESTS_PER_SECOND,
      markKey: () => derivedFlowKey(readKeyFile('--data-dir', plan.files.verifierKey)),
      twins,
    },
  }
}

function credentials(file: string, seed: SeedDocument): TwinFile {
  if (existsSync(file)) return twinFileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const firstId = Math.max(0, ...Object.values(seed.clients).map(({ id }) => id)) + 1
  const made: TwinFile = {
    user: { id: Math.max(0, ...seed.users.map(({ id }) => id)) + 1, password: randomBytes(24).toString('base64url') },
    twins: NAMES.map((name, index) => ({
      ...{ name, id: firstId + index, client_id: randomBytes(32).toString('hex') },
      client_secret: `gloas-${randomBytes(32).toString('hex')}`,
    })),
  }
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 })
  return made
}
