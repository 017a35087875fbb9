import { hash } from 'node:crypto'

/** The stored form of a credential: its SHA-256. Credentials are long and random, so no salt is needed. */
export function digestOf(credential: string): Buffer {
  return hash('sha256', credential, 'buffer')
}
