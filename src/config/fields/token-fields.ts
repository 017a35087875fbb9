import { integerField, scopesField, textField } from './fields.ts'

const SCOPE = String.raw`[!#-\x5b\x5d-~]{1,255}`
const PLAIN = {
  pattern: new RegExp(`^(?!.*:\\*$)${SCOPE}$`),
  message: 'must be the name of a scope, such as read_user',
}
const DYNAMIC = { pattern: new RegExp(`^(?=[^:]+:\\*$)${SCOPE}$`), message: 'must be NAME:*, such as user:*' }
const seconds = (min: number, max: number, fallback: number, description: string) =>
  integerField({ min, max, fallback }, `${description} In seconds.`)

/** What is issued, and for how long; must be the same on both authorization servers. */
export const tokenFields = {
  default_scope: scopesField(
    ['api'],
    'A scope that a client gets when it requests none, if its application allows it.',
    PLAIN,
  ),
  optional_scope: scopesField(
    ['read_user', 'read_api', 'openid', 'profile', 'email', 'read_repository', 'write_repository'],
    'A scope that a client may request in addition to the default ones, in the order of the discovery document. The scopes of an application take precedence, as with Doorkeeper.',
    PLAIN,
  ),
  dynamic_scope: scopesField(
    [],
    'A scope with a variable part that a client may request, such as user:* for user:1; the discovery document does not list it.',
    DYNAMIC,
  ),
  authorization_code_seconds: seconds(10, 3_600, 600, 'The lifetime of an authorization code.'),
  access_token_seconds: seconds(60, 2_592_000, 7_200, 'The lifetime of an access token.'),
  id_token_seconds: seconds(30, 86_400, 120, 'The lifetime of an ID token.'),
  device_code_seconds: seconds(60, 86_400, 300, 'The lifetime of a device code and its user code.'),
  device_poll_seconds: seconds(1, 30, 5, 'Minimum time between two polls of a device.'),
  realm: textField('TEXT', 'The realm in WWW-Authenticate. Default: Doorkeeper.', {
    pattern: /^[ !#-[\]-~]{1,255}$/,
    message: 'must be 1 to 255 printable ASCII characters without quotation marks and backslashes',
  }),
}
