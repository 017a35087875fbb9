import { POLICY_PRESETS, POLICY_RULE_NAMES, POLICY_RULES } from '../../applications/index.ts'
import { choiceField, integerField, listField, optionalChoiceField } from './fields.ts'

const TARGET = {
  pattern: new RegExp(`^[^=]+=*(?:=(?:${POLICY_RULE_NAMES.join('|')}))?$`),
  message: `must be CLIENT_ID or CLIENT_ID=RULE, with a rule of ${POLICY_RULE_NAMES.join(', ')}`,
}

/** The rules of both authorization servers at once, for `handover up`. */
export const policyPreset = choiceField(
  POLICY_PRESETS,
  'compatible',
  'The rules for clients: compatible follows Doorkeeper, strict follows RFC 9700.',
)

/** The rules of an authorization server beyond Doorkeeper's; the same on both. */
export function policyFields(reuse: 'set by the policy' | 'revoke, regardless of the policy') {
  return {
    policy: choiceField(
      POLICY_PRESETS,
      'compatible',
      'The rules for clients: compatible follows Doorkeeper, strict follows RFC 9700. Single rules override it.',
    ),
    require_pkce: optionalChoiceField(POLICY_RULES.require_pkce, 'Which clients must send a code challenge.'),
    plain_pkce: optionalChoiceField(POLICY_RULES.plain_pkce, 'The code challenge method plain.'),
    password_grant: optionalChoiceField(POLICY_RULES.password_grant, 'The password grant.'),
    token_in_query: optionalChoiceField(
      POLICY_RULES.token_in_query,
      'Access tokens in the query of a URI, as access_token or bearer_token.',
    ),
    secret_in_query: optionalChoiceField(
      POLICY_RULES.secret_in_query,
      'Client secrets, codes, refresh tokens and passwords in the query of a POST.',
    ),
    redirect_match: optionalChoiceField(
      POLICY_RULES.redirect_match,
      'How a redirect URI is compared with the registered ones; exact lets the port of a loopback address differ.',
    ),
    reserved_in_redirect: optionalChoiceField(
      POLICY_RULES.reserved_in_redirect,
      'Redirect URIs with code, state, iss, error or similar parameters in their query.',
    ),
    response_iss: optionalChoiceField(POLICY_RULES.response_iss, 'The parameter iss in authorization responses.'),
    refresh_reuse: optionalChoiceField(
      POLICY_RULES.refresh_reuse,
      `What the reuse of a refresh token does to the tokens of its grant. Default: ${reuse}.`,
    ),
    code_replay: optionalChoiceField(
      POLICY_RULES.code_replay,
      `What the reuse of a code does to the tokens issued for it. Default: ${reuse}.`,
    ),
    reuse_grace_seconds: integerField(
      { min: 0, max: 86_400, fallback: 10 },
      'Seconds during which the reuse of a refresh token or code counts as a retry and revokes nothing.',
    ),
    policy_exempt: listField(
      'CLIENT_ID[=RULE]',
      'An application, or one rule for it, to which the policy does not apply: only the policy of the application itself does.',
      TARGET,
    ),
    policy_strict_for: listField(
      'CLIENT_ID[=RULE]',
      'An application to which the strict policy, or one rule of it, applies regardless of all other settings.',
      TARGET,
    ),
  }
}
