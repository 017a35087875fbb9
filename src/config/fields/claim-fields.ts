import { listField } from './fields.ts'

const NAME = '[!-<>-~]{1,255}'
const SCOPE = '[!#-\\x5b\\x5d-~]{1,255}'

/** Which claims of users are returned; must be the same on both authorization servers. */
export const claimFields = {
  claim: listField(
    'NAME[=SCOPE]',
    'A claim that userinfo returns if the platform supplies it, and the scope that it requires in addition to openid; the response lists claims in this order. Default: name, nickname, preferred_username, email=email, email_verified=email, website, profile, picture, groups.',
    { pattern: new RegExp(`^${NAME}(=${SCOPE})?$`), message: 'must be NAME or NAME=SCOPE, such as email=email' },
  ),
  id_token_claim: listField(
    'NAME',
    'One of those claims, to include in ID tokens too. Default, if no claim is specified: email, email_verified.',
    { pattern: new RegExp(`^${NAME}$`), message: 'must be the name of a claim' },
  ),
}
