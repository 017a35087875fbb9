import type { AuthorizationServer, SigningKeyView } from '../../authorization-server/index.ts'
import { keyRetirementSchema, type SigningKeysDocument } from '../../handoff/index.ts'
import type { HttpReply, HttpRequest } from '../../http/index.ts'
import { json, notFound, readJson } from './answer.ts'

type Keys = Pick<AuthorizationServer, 'signingKeys'>

/** GET keys: all published keys, without secrets. */
export async function listKeys({ signingKeys }: Keys): Promise<HttpReply> {
  return json(200, documentOf(await signingKeys.list()))
}

/** POST keys/rotate: returns the resulting keys. Repeating it changes nothing. */
export async function rotateKeys({ signingKeys }: Keys): Promise<HttpReply> {
  return json(200, documentOf(await signingKeys.rotate()))
}

/** POST keys/retire: 409 when live tokens are signed with the key, unless `now` is set. */
export async function retireKey({ signingKeys }: Keys, request: HttpRequest): Promise<HttpReply> {
  const body = readJson(request, keyRetirementSchema)
  if (!body.ok) return body.reply
  const outcome = await signingKeys.withdraw(body.value.kid, body.value.now)
  if (outcome === 'unknown') return notFound()
  if (outcome === 'withdrawn') return json(200, documentOf(await signingKeys.list()))
  return json(409, { error: 'conflict', error_description: REFUSALS[outcome] })
}

const REFUSALS = {
  signing: 'the key signs: have it succeeded by rotate, or retire it now if it was stolen',
  published:
    'the key is retired and is removed once everything it signed has expired; to remove it at once because it was stolen, use --now',
} as const

function documentOf(keys: readonly SigningKeyView[]): SigningKeysDocument {
  const time = (milliseconds: number) => new Date(milliseconds).toISOString()
  const optional = (milliseconds: number | null) => (milliseconds === null ? null : time(milliseconds))
  return {
    keys: keys.map((key) => ({
      kid: key.kid,
      alg: key.algorithm,
      state: key.state,
      published_at: time(key.publishedAt),
      signs_from: optional(key.signsFrom),
      signs_until: optional(key.signsUntil),
      published_until: optional(key.publishedUntil),
    })),
  }
}
