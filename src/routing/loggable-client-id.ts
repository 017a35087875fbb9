import { createHash } from 'node:crypto'

const MAX_CHARACTERS = 255
/** Prefixes of the platform's and IAM's credentials (`glpat-`, `gloas-`, `gliamat-`), and the start of every JWT. */
const CREDENTIAL_SHAPE = /^(?:gl[a-z]{1,12}-|eyJ)/

/**
 * A client id as a log or trace may show it. The id of a known application is shown as it is. Clients sometimes send a
 * secret or a token in its place, so an id that no application has becomes a fingerprint: `sha256:` and the first eight
 * hexadecimal digits of its SHA-256. Where nobody can tell whether an application has it (`undefined`), only an id in
 * the shape of a credential becomes one.
 */
export function loggableClientId(clientId: string, isKnown: boolean | undefined): string {
  const isHidden = isKnown === undefined ? CREDENTIAL_SHAPE.test(clientId) : !isKnown
  return isHidden ? fingerprintOf(clientId) : clientId.slice(0, MAX_CHARACTERS)
}

function fingerprintOf(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex').slice(0, 8)}`
}
