import assert from 'node:assert/strict'
import type { Browser } from '../../support/browser.ts'
import type { Client, Library, Tokens } from './client.ts'
import { walkThroughPages } from './user.ts'

/** One application of the seed. */
export interface SeedClient {
  readonly id: number
  readonly uid: string
  readonly secret: string
  readonly confidential: boolean
  readonly redirect_uris: readonly string[]
}

/** A client with all methods that a journey from one side to the other needs. */
export interface Traveller extends Required<Pick<Client, 'refresh' | 'userinfo' | 'introspect' | 'revoke' | 'device'>> {
  /** The code flow with PKCE, as alice. */
  signIn(browser: Browser): Promise<Tokens>
}

/** Connects a library that has every method, with the secret, if any, sent in the form. */
export async function traveller(
  library: Library,
  issuer: string,
  application: SeedClient,
  moreMetadata: object = {},
): Promise<Traveller> {
  const { uid: clientId, secret, confidential, redirect_uris } = application
  const authentication = confidential ? 'client_secret_post' : 'none'
  const redirectUri = redirect_uris[0] ?? ''
  const client = await library.connect({ issuer, clientId, secret, authentication, redirectUri, moreMetadata })
  const { refresh, userinfo, introspect, revoke, device } = client
  assert.ok(refresh && userinfo && introspect && revoke && device, library.name)
  return {
    signIn: (browser) => client.code((address, back) => walkThroughPages(browser, address, back), { pkce: true }),
    ...{ refresh, userinfo, introspect, revoke, device },
  }
}
