import { authlib } from './authlib.ts'
import type { Library } from './client.ts'
import { gitCredentialOauth } from './git-credential-oauth.ts'
import { oauth4webapi } from './oauth4webapi.ts'
import { openidClient } from './openid-client.ts'
import { passportOauth2Library } from './passport-oauth2.ts'
import { requestsOauthlib } from './requests-oauthlib.ts'
import { simpleOauth2 } from './simple-oauth2.ts'

/** Every library that is tested; to add one, write its file and list it here. */
export const LIBRARIES: readonly Library[] = [
  openidClient,
  oauth4webapi,
  simpleOauth2,
  passportOauth2Library,
  authlib,
  requestsOauthlib,
  gitCredentialOauth,
]
