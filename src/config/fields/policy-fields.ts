import { POLICY_PRESETS, POLICY_RULE_NAMES, POLICY_RULES } from '../../applications/index.ts'
import { choiceField, integerField, listField, optionalChoiceField } from './fields.ts'

const TARGET = {
  pattern: new RegExp(`^[^=]+=*(?:=(?:${POLICY_RULE_NAMES.join('|')}))?$`),
  message: `must be CLIENT_ID or CLIENT_ID=RULE, with a rule out of ${POLICY_RULE_NAMES.join(', ')}`,
}

/** The rules of both authorization servers at once, for trying. */
export const policyPreset = choiceField(
  POLICY_PRESETS,
  'compatible',
  "What clients are held to: compatible is Doorkeeper's way, strict is RFC 9700.",
)

/** What an authorization server holds clients to beyond Doorkeeper's rules; the same on both. */
export function policyFields(reuse: 'by the policy' | 'revoke, whatever the policy') {
  return {
    policy: choiceField(
      POLICY_PRESETS,
      'compatible',
      "What clients are held to: compatible is Doorkeeper's way, strict is RFC 9700. Single rules go over it.",
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
      'Redirect URIs whose query holds code, state, iss, error or the like.',
    ),
    response_iss: optionalChoiceField(POLICY_RULES.response_iss, 'The parameter iss in authorization answers.'),
    refresh_reuse: optionalChoiceField(
      POLICY_RULES.refresh_reuse,
      `What a refresh token that comes again does to the tokens of its grant. Default: ${reuse}.`,
    ),
    code_replay: optionalChoiceField(
      POLICY_RULES.code_replay,
      `What a code that comes again does to the tokens it gave. Default: ${reuse}.`,
    ),
    reuse_grace_seconds: integerField(
      { min: 0, max: 86_400, fallback: 10 },
      'For so long after its use a refresh token or code that comes again is a request repeated, and revokes nothing.',
    ),
    policy_exempt: listField(
      'CLIENT_ID[=RULE]',
      'An application that the policy does not concern, or one rule of it: only what the application itself asks for holds.',
      TARGET,
    ),
    policy_strict_for: listField(
      'CLIENT_ID[=RULE]',
      'An application held to the strict policy, or to one rule of it, whatever else is said.',
      TARGET,
    ),
  }
}
