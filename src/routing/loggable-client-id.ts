import { createHash } from 'node:crypto'

const MAX_CHARACTERS = 255
/** Prefixes of the platform's and IAM's credentials (`glpat-`, `gloas-`, `gliamat-`), and the start of every JWT. */
const CREDENTIAL_SHAPE = /^(?:gl[a-z]{1,12}-|eyJ)/

/**
 * Returns a client id in a form that is safe for logs and traces. The id of a known application is unchanged, up to 255
 * characters. Clients sometimes send a secret or a token instead, so an unknown id becomes a fingerprint: `sha256:` and
 * the first eight hexadecimal digits of its SHA-256. If it is not known whether an application has the id
 * (`undefined`), only an id in the shape of a credential becomes a fingerprint.
 */
export function loggableClientId(clientId: string, isKnown: boolean | undefined): string {
  const isHidden = isKnown === undefined ? CREDENTIAL_SHAPE.test(clientId) : !isKnown
  return isHidden ? fingerprintOf(clientId) : clientId.slice(0, MAX_CHARACTERS)
}

function fingerprintOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}
