import type { z } from 'zod'
import { AUTH_TOKEN_HEADER, INTERNAL_PATHS, liveCredentialsSchema, revokedBatchSchema } from '../../handoff/index.ts'
import { CallError, call } from '../../http/index.ts'

/** The address and the token of IAM's internal port. */
export interface IamInternal {
  readonly url: string
  readonly token: string
}

/** IAM's result, or why it could not be queried: no text of its response, no token. */
export type IamAnswer<T> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'unavailable'; readonly why: string }

/** Queries IAM for live credentials and has it revoke them; never rejects because of IAM. */
export interface IamCredentials {
  /** A page of applications after an id, or the one with `clientId`. */
  list(page: { after: number; clientId: string | undefined }): Promise<IamAnswer<z.infer<typeof liveCredentialsSchema>>>
  /** Revokes one batch; undefined if IAM does not know the client and thus holds no credentials. */
  revoke(clientId: string): Promise<IamAnswer<z.infer<typeof revokedBatchSchema> | undefined>>
}

const LIMIT_MS = 8_000

/** Creates the client; without an address every query results in `unavailable`. */
export function createIamCredentials(iam: IamInternal | undefined): IamCredentials {
  const ask = async <Schema extends z.ZodType>(
    request: { readonly method: 'GET' | 'POST'; readonly path: string; readonly json?: unknown },
    schema: Schema,
  ): Promise<IamAnswer<z.infer<Schema> | undefined>> => {
    if (!iam) return unavailable('this control plane does not know the address of IAM: set --iam-internal-url')
    const { path, ...rest } = request
    const headers = { [AUTH_TOKEN_HEADER]: iam.token }
    try {
      const answer = await call({ ...rest, url: iam.url + path, headers, timeoutMs: LIMIT_MS })
      if (answer.status === 404 && request.method === 'POST') return { kind: 'answer', value: undefined }
      if (answer.status === 401) return unavailable('IAM rejected the token: check --internal-token-file')
      const read = answer.status === 200 ? schema.safeParse(answer.json) : undefined
      return read?.success
        ? { kind: 'answer', value: read.data }
        : unavailable(`IAM answered ${answer.status}, which is not a valid response`)
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      return unavailable(error.timedOut ? `IAM did not answer within ${LIMIT_MS} ms` : 'IAM cannot be reached')
    }
  }
  return {
    async list({ after, clientId }) {
      const query = new URLSearchParams({
        after: String(after),
        ...(clientId === undefined ? {} : { client_id: clientId }),
      })
      const answer = await ask({ method: 'GET', path: `${INTERNAL_PATHS.credentials}?${query}` }, liveCredentialsSchema)
      if (answer.kind === 'unavailable') return answer
      return answer.value === undefined
        ? unavailable('this version of IAM cannot list live credentials')
        : { kind: 'answer', value: answer.value }
    },
    revoke: (clientId) =>
      ask(
        { method: 'POST', path: INTERNAL_PATHS.credentialsRevoke, json: { client_id: clientId, confirm: clientId } },
        revokedBatchSchema,
      ),
  }
}

function unavailable(why: string): { readonly kind: 'unavailable'; readonly why: string } {
  return { kind: 'unavailable', why }
}
