import { pythonLibrary } from './python-client.ts'

/** requests-oauthlib and oauthlib from Debian's python3-requests-oauthlib; no OpenID Connect, no introspection. */
export const requestsOauthlib = pythonLibrary({
  name: 'requests-oauthlib',
  file: 'requests_oauthlib_client.py',
  module: 'requests_oauthlib',
  authentications: ['client_secret_post', 'client_secret_basic', 'none'],
  can: ['refresh', 'clientCredentials', 'password', 'device', 'userinfo', 'revoke'],
})
