import { existsSync } from 'node:fs'
import { isLoopback, parseListenAddress } from '../http/index.ts'
import { ConfigError } from './config-error.ts'
import type { Section } from './schema.ts'
import { readKeyFile, readSecretFile } from './secret-file.ts'

/** What a file must contain, and whether it is created if it is absent. */
interface FileRule {
  readonly holds: 'a secret' | 'a key'
  readonly isMade: boolean
}

const SECRET: FileRule = { holds: 'a secret', isMade: false }
const KEY: FileRule = { holds: 'a key', isMade: false }
const MADE_SECRET: FileRule = { holds: 'a secret', isMade: true }
const MADE_KEY: FileRule = { holds: 'a key', isMade: true }

const FILES: Readonly<Record<Section, Readonly<Record<string, FileRule>>>> = {
  gateway: {
    verifier_key_file: KEY,
    flow_key_file: KEY,
    control_token_file: SECRET,
    routing_secret_file: KEY,
    legacy_probe_secret_file: SECRET,
    iam_probe_secret_file: SECRET,
  },
  control: { verifier_key_file: KEY, routing_secret_file: MADE_KEY },
  iam: {
    internal_token_file: MADE_SECRET,
    verifier_key_file: MADE_KEY,
    sealing_key_file: MADE_KEY,
    previous_sealing_key_file: KEY,
  },
  monolith: { internal_token_file: MADE_SECRET, state_key_file: MADE_KEY, control_token_file: SECRET },
  up: {},
}

/**
 * The errors of values that do not fit the machine or each other: unreadable or invalid secret files, test controls
 * that others can reach. They are reported with all other errors, and never show the content of a file.
 */
export function valueFaults(section: Section, settings: Readonly<Record<string, unknown>>): readonly string[] {
  return [
    ...fileFaults(section, settings),
    ...testControlFaults(section, settings),
    ...ledgerFaults(settings),
    ...scopeFaults(section, settings),
  ]
}

function fileFaults(section: Section, settings: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(FILES[section]).flatMap(([key, { holds, isMade }]) => {
    const path = settings[key]
    if (typeof path !== 'string' || path === '' || (isMade && !existsSync(path))) return []
    const option = `--${key.replaceAll('_', '-')}`
    try {
      if (holds === 'a key') readKeyFile(option, path)
      else readSecretFile(option, path)
      return []
    } catch (error) {
      if (error instanceof ConfigError) return error.faults
      throw error
    }
  })
}

function testControlFaults(section: Section, { test_controls, listen }: Readonly<Record<string, unknown>>): string[] {
  if (test_controls !== true && test_controls !== 'true') return []
  const address = typeof listen === 'string' ? parseListenAddress(listen) : undefined
  if (address === undefined || isLoopback(address.host)) return []
  return [`${section}.test_controls (--test-controls): only where --listen is a loopback address`]
}

/** A scope is either a default scope or an optional one. */
function scopeFaults(section: Section, settings: Readonly<Record<string, unknown>>): string[] {
  const { default_scope: given, optional_scope: optional } = settings
  if (!Array.isArray(given) || !Array.isArray(optional)) return []
  const both = given.filter((scope) => optional.includes(scope))
  return both.map(
    (scope) => `${section}.optional_scope (--optional-scope): must not name ${scope}, which is a default scope`,
  )
}

/** A ledger in memory is not shared between processes. */
function ledgerFaults({ iam_unmarked, ledger_url, workers }: Readonly<Record<string, unknown>>): string[] {
  if (iam_unmarked !== true || ledger_url !== undefined || Number(workers ?? 1) <= 1) return []
  return [
    'gateway.workers (--workers): with --iam-unmarked several processes need a shared ledger; specify it with --ledger-url',
  ]
}
