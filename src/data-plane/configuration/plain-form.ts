import { FLOW_PARAMETERS, ROUTING_PARAMETERS } from '../../routing/index.ts'

/**
 * The forms that HAProxy reads by itself, as regular expressions in PCRE's syntax: text that every server reads alike. They end with `\z`, because `$` also matches before a line feed.
 * A form is plain if each pair has a name of letters, digits and underscores, a value of unreserved and sub-delimiter
 * characters or escapes of ASCII, and no character that some server takes for a separator. The parameters that routing
 * depends on have no escapes at all.
 */

const DEVICE_GRANT =
  'urn(?::|%3[Aa])ietf(?::|%3[Aa])params(?::|%3[Aa])oauth(?::|%3[Aa])grant-type(?::|%3[Aa])device_code'
const ROUTING_PAIR = `(?:grant_type=${DEVICE_GRANT}|(?:${ROUTING_PARAMETERS.join('|')})=[A-Za-z0-9._~-]++)`
const VALUE = String.raw`(?:[A-Za-z0-9._~:/@!$\x27()*,=+-]|%[2-6][0-9A-Fa-f]|%7[0-9A-Ea-e])*+`
const OTHER_PAIR = `(?!(?:${ROUTING_PARAMETERS.join('|')})=)[A-Za-z_][A-Za-z0-9_]*+=${VALUE}`
const PAIR = `(?:${ROUTING_PAIR}|${OTHER_PAIR})(?:&|\\z)`

/** Matches a form that HAProxy may read. A name without a value and an empty pair do not match. */
export const PLAIN_FORM = `^(?:${PAIR})++(?<!&)\\z`

/** Matches a form in which a parameter that must be unique occurs twice. Only named groups can be referred to. */
export const REPEATS = String.raw`(?:^|&)(?<name>${[...ROUTING_PARAMETERS, ...FLOW_PARAMETERS].join('|')})=.*&\k<name>=`

/** Matches a form with a blank value of a parameter that identifies a flow; servers count it as absent. */
export const BLANK_FLOW_PARAMETER = String.raw`(?:^|&)(?:${FLOW_PARAMETERS.join('|')})=(?:\+|%20)+(?:&|\z)`

/** Client credentials in HTTP Basic, decoded: a client id without escapes, and a secret that is printable ASCII. */
export const PLAIN_BASIC = String.raw`^[A-Za-z0-9._~-]{1,255}:[\x20-\x7e]*\z`
