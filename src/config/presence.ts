import type { Section } from './schema.ts'

/** A rule between options: returns its errors for the given keys. */
type Rule = (given: ReadonlySet<string>) => readonly string[]

const optionOf = (key: string): string => `--${key.replaceAll('_', '-')}`

const oneOf =
  (section: Section, ...keys: readonly string[]): Rule =>
  (given) =>
    keys.some((key) => given.has(key)) ? [] : [`${section}: one of ${keys.map(optionOf).join(' and ')} must be given`]

const atMostOne =
  (section: Section, why: string, ...keys: readonly string[]): Rule =>
  (given) => {
    const named = keys.filter((key) => given.has(key)).map(optionOf)
    return named.length > 1 ? [`${section}: ${named.join(' and ')} exclude each other: ${why}`] : []
  }

const together =
  (section: Section, key: string, needed: string): Rule =>
  (given) =>
    given.has(key) && !given.has(needed)
      ? [`${section}.${needed} (${optionOf(needed)}): must be given with ${optionOf(key)}`]
      : []

const rules: Readonly<Record<Section, readonly Rule[]>> = {
  gateway: [
    atMostOne('gateway', 'decisions come from one source', 'control_url', 'routing_url', 'snapshot'),
    together('gateway', 'control_url', 'control_token_file'),
    together('gateway', 'routing_url', 'routing_secret_file'),
    together('gateway', 'iam_token_prefix', 'iam_url'),
    together('gateway', 'iam_jwt_issuer', 'iam_url'),
    together('gateway', 'iam_path', 'iam_url'),
    together('gateway', 'legacy_probe_client_id', 'legacy_probe_secret_file'),
    together('gateway', 'legacy_probe_secret_file', 'legacy_probe_client_id'),
    together('gateway', 'legacy_probe_client_id', 'iam_url'),
    together('gateway', 'legacy_probe_scope', 'legacy_probe_client_id'),
    together('gateway', 'iam_probe_scope', 'iam_probe_client_id'),
    together('gateway', 'iam_probe_client_id', 'iam_probe_secret_file'),
    together('gateway', 'iam_probe_secret_file', 'iam_probe_client_id'),
    together('gateway', 'iam_probe_client_id', 'iam_url'),
    together('gateway', 'iam_page', 'iam_url'),
    together('gateway', 'legacy_path', 'iam_url'),
  ],
  control: [oneOf('control', 'database_url', 'data_dir')],
  iam: [oneOf('iam', 'database_url', 'data_dir')],
  monolith: [oneOf('monolith', 'database_url', 'data_dir'), together('monolith', 'control_url', 'control_token_file')],
  up: [],
}

/**
 * The errors of options that require or exclude each other. It depends only on which keys were given, so that these
 * errors are reported together with those of single values.
 */
export function presenceFaults(section: Section, settings: Readonly<Record<string, unknown>>): readonly string[] {
  const given = new Set(Object.keys(settings).filter((key) => settings[key] !== undefined && settings[key] !== null))
  return rules[section].flatMap((rule) => rule(given))
}
