import { listField } from './fields.ts'

const NAME = '[!-<>-~]{1,255}'
const SCOPE = '[!#-\\x5b\\x5d-~]{1,255}'

/** Which claims of users are shown; must be the same on both authorization servers. */
export const claimFields = {
  claim: listField(
    'NAME[=SCOPE]',
    'A claim that userinfo shows when the platform supplies it, in this order on the wire, and the scope that it needs beside openid. Default: name, nickname, preferred_username, email=email, email_verified=email, website, profile, picture, groups.',
    { pattern: new RegExp(`^${NAME}(=${SCOPE})?$`), message: 'must be NAME or NAME=SCOPE, such as email=email' },
  ),
  id_token_claim: listField(
    'NAME',
    'One of those claims that ID tokens hold too. Default, where no claim is named: email, email_verified.',
    { pattern: new RegExp(`^${NAME}$`), message: 'must be the name of a claim' },
  ),
}
