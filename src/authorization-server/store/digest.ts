import { hash } from 'node:crypto'

/** What is kept of a credential: its SHA-256. They are long and random, so no salt is needed. */
export function digestOf(credential: string): Buffer {
  return hash('sha256', credential, 'buffer')
}
