import { pythonLibrary } from './python-client.ts'

/** Authlib from Debian's python3-authlib; it verifies ID tokens against the published keys. */
export const authlib = pythonLibrary({
  name: 'authlib',
  file: 'authlib_client.py',
  module: 'authlib.integrations.requests_client',
  authentications: ['client_secret_post', 'client_secret_basic', 'none'],
  can: ['refresh', 'clientCredentials', 'password', 'device', 'userinfo', 'introspect', 'revoke'],
})
