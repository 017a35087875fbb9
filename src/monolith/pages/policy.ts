import { POLICY_RULE_NAMES, type Policy, type PolicyRule, presetPolicy } from '../../applications/index.ts'
import { type Html, html } from './html.ts'

interface RuleText {
  readonly name: string
  /** What the rule protects against, and which clients it stops. */
  readonly help: string
  readonly values: Readonly<Record<string, string>>
}

const ACCEPTED = { accept: 'Accepted', refuse: 'Refused' }
const REVOKED = { ignore: 'Refused, nothing else', revoke: 'Refused, and all its tokens are revoked' }

/** A description of each rule for the owner of an application. */
const TEXTS: { readonly [Rule in PolicyRule]: RuleText & { readonly values: Readonly<Record<Policy[Rule], string>> } } =
  {
    require_pkce: {
      name: 'PKCE',
      help: 'An intercepted code is useless without the verifier. The application must send a code challenge.',
      values: { none: 'Optional', public: 'Required if the application is public', all: 'Required' },
    },
    plain_pkce: {
      name: 'PKCE with the method plain',
      help: 'A plain challenge equals its verifier. Current libraries send S256.',
      values: ACCEPTED,
    },
    password_grant: {
      name: 'Password grant',
      help: "The application handles its users' passwords, past two-factor sign-in and consent.",
      values: ACCEPTED,
    },
    token_in_query: {
      name: 'Access tokens in addresses',
      help: 'Addresses end up in logs and histories. Tokens belong in the Authorization header.',
      values: ACCEPTED,
    },
    secret_in_query: {
      name: 'Secrets in addresses',
      help: 'The same for the client secret, codes, refresh tokens and passwords: they belong in the body.',
      values: ACCEPTED,
    },
    redirect_match: {
      name: 'Redirect URIs',
      help: 'Redirect URIs must match exactly; only the port of 127.0.0.1 and [::1] may differ.',
      values: { loose: 'May have an extra query', exact: 'Must match exactly' },
    },
    reserved_in_redirect: {
      name: 'Redirect URIs with code, state, iss or error in their query',
      help: 'An application could mistake such a parameter for a response of the platform.',
      values: ACCEPTED,
    },
    response_iss: {
      name: 'Issuer in answers',
      help: 'With the parameter iss, an application that uses several platforms can distinguish their responses.',
      values: { omit: 'Left out', send: 'Sent' },
    },
    refresh_reuse: {
      name: 'A refresh token used twice',
      help: 'A second use means theft or a lost response. Repeats within a few seconds are accepted.',
      values: REVOKED,
    },
    code_replay: {
      name: 'A code used twice',
      help: 'Tokens issued for a stolen code are revoked when its owner presents it. Repeats within a few seconds are accepted.',
      values: REVOKED,
    },
  }

const PRESETS: Readonly<Record<string, string>> = {
  '': 'As the platform says',
  strict: 'The strictest in every rule (RFC 9700)',
}

/** The policy section of an application's form. `said` contains the chosen values by rule. */
export function policyFields(said: Readonly<Record<string, string | undefined>>): Html {
  const isOpen = Object.keys(said).length > 0
  return html`<details${isOpen && html` open`}><summary>Security policy</summary>
<p class="soft small">An application can be stricter than the platform, never laxer. Choose what your application is ready for.</p>
${selection('preset', said['preset'] ?? '', {
  name: 'All rules',
  help: 'A single rule below overrides it.',
  values: PRESETS,
})}
${POLICY_RULE_NAMES.map((rule) => {
  const { name, help, values } = TEXTS[rule]
  return selection(rule, said[rule] ?? '', { name, help, values: { '': 'Not specified here', ...values } })
})}
</details>`
}

function selection(
  key: string,
  chosen: string,
  {
    name,
    help,
    values,
  }: { readonly name: string; readonly help: string; readonly values: Readonly<Record<string, string>> },
): Html {
  const id = `application_policy_${key}`
  return html`<label for="${id}">${name}</label>
<select id="${id}" name="application[policy][${key}]" aria-describedby="${id}_help">${Object.entries(values).map(
    ([value, text]) => html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`,
  )}</select>
<p class="soft small" id="${id}_help">${help}</p>`
}

/** The policy of an application where it goes beyond the default for everyone. */
export function policySummary(policy: Policy): Html {
  const usual = presetPolicy('compatible')
  const tightened = POLICY_RULE_NAMES.filter((rule) => policy[rule] !== usual[rule])
  if (tightened.length === 0) return html`<span class="soft">Nothing beyond the usual</span>`
  return html`<ul class="plain">${tightened.map(
    (rule) => html`<li>${TEXTS[rule].name}: ${valueText(TEXTS[rule], policy[rule])}</li>`,
  )}</ul>`
}

function valueText({ values }: RuleText, value: string): string {
  return values[value] ?? value
}
