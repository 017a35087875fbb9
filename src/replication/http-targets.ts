import { z } from 'zod'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS, storedClientSchema } from '../handoff/index.ts'
import { type Call, call } from '../http/index.ts'
import type { DeliveryOutcome, HeldApplication, ReplicationTarget } from './ports.ts'

const heldByIamSchema = z.object({
  clients: z.array(z.object({ id: z.int(), client_id: z.string(), version: z.int() })),
})

const heldByControlPlaneSchema = z.object({
  applications: z.array(
    z.object({ id: z.int(), client_id: z.string(), version: z.int(), iam_version: z.int().nullable() }),
  ),
  /** An older control plane answers with the whole list and without this field. */
  next: z.int().nullish(),
})
const PAGE = 1_000

const announcedSchema = z.object({
  applied: z.boolean(),
  application: z.unknown().nullable(),
  version: z.int().optional(),
})

const CALL_LIMIT_MS = 5_000
const LIST_LIMIT_MS = 30_000

/** The name of {@link createIamTarget} in its progress records. */
const IAM_TARGET = 'iam'

/** The IAM auth service as a target, through its internal port (`url`) and token. */
export function createIamTarget(options: { readonly url: string; readonly token: string }): ReplicationTarget {
  const base = `${options.url.replace(/\/$/, '')}${INTERNAL_PATHS.clients}`
  const headers = { [AUTH_TOKEN_HEADER]: options.token }
  return {
    name: IAM_TARGET,
    put: (application) =>
      attempt({ method: 'PUT', url: base, headers, json: application }, (json) => {
        const answer = storedClientSchema.safeParse(json)
        if (!answer.success || answer.data.stored) return undefined
        const { version, state } = answer.data
        return staleUnless(application.version, version, state === 'removed')
      }),
    remove: ({ clientId, version }) =>
      attempt({ method: 'DELETE', url: `${base}/${encodeURIComponent(clientId)}?version=${version}`, headers }),
    async list() {
      const { clients } = heldByIamSchema.parse(await read(base, headers))
      return clients.map(({ id, client_id, version }) => ({ id, clientId: client_id, version }))
    },
  }
}

/**
 * The control plane as a target, through its API (`url`) with a bearer token; it also receives the version that IAM has
 * confirmed.
 */
export function createControlPlaneTarget(options: { readonly url: string; readonly token: string }): ReplicationTarget {
  const base = `${options.url.replace(/\/$/, '')}/api/v1/applications`
  const headers = { authorization: `Bearer ${options.token}` }
  return {
    name: 'control',
    reports: IAM_TARGET,
    put: (application, confirmedVersion) =>
      attempt(
        {
          method: 'PUT',
          url: `${base}/${application.id}`,
          headers,
          json: { application, iam_version: confirmedVersion },
        },
        (json) => {
          const answer = announcedSchema.safeParse(json)
          if (!answer.success || answer.data.applied) return undefined
          return staleUnless(application.version, answer.data.version, answer.data.application === null)
        },
      ),
    remove: ({ id, version }) => attempt({ method: 'DELETE', url: `${base}/${id}?version=${version}`, headers }),
    async list() {
      const held: HeldApplication[] = []
      for (let after: number | undefined = 0; after !== undefined; ) {
        const answer = await read(`${base}?limit=${PAGE}&after=${after}`, headers)
        const { applications, next } = heldByControlPlaneSchema.parse(answer)
        for (const { id, client_id, version, iam_version } of applications) {
          held.push({ id, clientId: client_id, version, reportedVersion: iam_version })
        }
        after = next ?? undefined
      }
      return held
    },
  }
}

/**
 * The outcome `stale` from an answer that nothing was stored; undefined when the answer has no version, or has this
 * very version.
 */
function staleUnless(
  version: number,
  heldVersion: number | undefined,
  isRemoved: boolean,
): DeliveryOutcome | undefined {
  if (heldVersion === undefined || (heldVersion === version && !isRemoved)) return undefined
  return { kind: 'stale', heldVersion, isRemoved }
}

/** `read` looks for details in the body of an answer with a success status. */
async function attempt(
  options: Call,
  read: (json: unknown) => DeliveryOutcome | undefined = () => undefined,
): Promise<DeliveryOutcome> {
  try {
    const { status, json } = await call({ ...options, timeoutMs: CALL_LIMIT_MS })
    const outcome = outcomeOf(options.method, status)
    return (outcome.kind === 'delivered' ? read(json) : undefined) ?? outcome
  } catch (error) {
    return { kind: 'unreachable', reason: error instanceof Error ? error.message : 'failed' }
  }
}

/**
 * The outcome of a delivery by status: 409 means that the target has something newer, 5xx that it failed on this
 * document, except 503, which means that the target is down.
 */
export function outcomeOf(method: string, status: number): DeliveryOutcome {
  if ((status >= 200 && status < 300) || status === 409) return { kind: 'delivered' }
  if (method === 'DELETE' && status === 404) return { kind: 'delivered' }
  const reason = `answered ${status}`
  if (status === 400 || status === 413 || status === 422) return { kind: 'rejected', reason }
  return { kind: status >= 500 && status !== 503 ? 'failed' : 'unreachable', reason }
}

async function read(url: string, headers: Readonly<Record<string, string>>): Promise<unknown> {
  const { status, json } = await call({ method: 'GET', url, headers, timeoutMs: LIST_LIMIT_MS })
  if (status !== 200) throw new Error(`GET ${url}: answered ${status}`)
  return json
}
