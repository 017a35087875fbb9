import { authlib } from './authlib.ts'
import type { Library } from './client.ts'
import { gitCredentialOauth } from './git-credential-oauth.ts'
import { oauth4webapi } from './oauth4webapi.ts'
import { openidClient } from './openid-client.ts'
import { passportOauth2Library } from './passport-oauth2.ts'
import { requestsOauthlib } from './requests-oauthlib.ts'
import { simpleOauth2 } from './simple-oauth2.ts'

/** Every library that is walked; to add one is to write its file and name it here. */
export const LIBRARIES: readonly Library[] = [
  openidClient,
  oauth4webapi,
  simpleOauth2,
  passportOauth2Library,
  authlib,
  requestsOauthlib,
  gitCredentialOauth,
]
