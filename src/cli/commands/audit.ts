import { z } from 'zod'
import { ENVIRONMENTS } from '../../flags/index.ts'
import { CHANGE_HELP, CHANGE_OPTIONS, changeTermsOf, lookThenChange, printedPreview } from '../client/change-terms.ts'
import { CONTROL_HELP, type ControlClient, REASON_HELP, REASON_OPTIONS } from '../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, environmentOf } from '../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'

const HELP = `Usage: handover audit list [filters] [--limit N] [--before NUMBER]
       handover audit verify [--number NUMBER --hash HASH]
       handover audit export [--format jsonl|csv] [filters]
       handover audit restore <number> [--to before|after] [--dry-run] [--confirm] [--reason TEXT] [--change-issue URL]

Shows what was changed, by whom, from where and why. Each entry contains the hash of the previous one; 'verify' reports
the first entry that was tampered with, and exits with 1 if there is one. 'restore' restores a flag or the brake to its
state before or after an entry, and shows the result first.

Filters:
  --environment NAME, ${ENVIRONMENTS.map((name) => `--${name}`).join(', ')}
  --subject TEXT      a flag, an application as Authn::OauthApplication:<id>, a token, or brake
  --by NAME           the author of the change
  --action NAME       such as flag.set
  --since TIME, --until TIME
      A date, or a time such as 2026-11-23T06:00:00Z. --until is exclusive.

  --limit N, --before NUMBER
      At most N entries, older than this entry. Default: the newest 20.
  --number NUMBER, --hash HASH
      An entry recorded elsewhere, which must be unchanged in the log.
  --to before|after
      Default: before.
${CHANGE_HELP}
${REASON_HELP}
${CONTROL_HELP}`

/** Reading a log of several years takes a while. */
const LONG_MS = 120_000

const FILTERS = ['--subject', '--by', '--action', '--since', '--until'] as const
const VALUE = { takes: 'value' } as const
const OPTIONS = {
  ...Object.fromEntries(FILTERS.map((name) => [name, VALUE])),
  ...Object.fromEntries(['--limit', '--before', '--number', '--hash', '--format', '--to'].map((name) => [name, VALUE])),
  ...CHANGE_OPTIONS,
  ...REASON_OPTIONS,
  ...ENVIRONMENT_OPTIONS,
}

const FILTER_OPTIONS = [...FILTERS, ...Object.keys(ENVIRONMENT_OPTIONS)]
/** The options of each action. */
const TAKES: Readonly<Record<string, readonly string[]>> = {
  list: [...FILTER_OPTIONS, '--limit', '--before'],
  verify: ['--number', '--hash'],
  export: [...FILTER_OPTIONS, '--format'],
  restore: ['--to', ...Object.keys(CHANGE_OPTIONS), ...Object.keys(REASON_OPTIONS)],
}

const listSchema = z.object({
  entries: z.array(
    z.object({
      number: z.int(),
      at: z.string(),
      by: z.string(),
      door: z.string(),
      from: z.string().nullable(),
      action: z.string(),
      environment: z.string().nullable(),
      subject: z.string(),
      reason: z.string().nullable(),
      change_issue_url: z.string().nullable(),
    }),
  ),
  next_before: z.int().nullable(),
})
type Entry = z.infer<typeof listSchema>['entries'][number]

const verificationSchema = z.object({
  valid: z.boolean(),
  head: z.object({ number: z.int(), hash: z.string() }),
  broken: z.object({ number: z.int(), why: z.string() }).nullable(),
})

const restoredSchema = z.object({
  outcome: z.string(),
  environment: z.string(),
  subject: z.string(),
  notes: z.array(z.string()).default([]),
})

/** `handover audit`: lists, verifies, exports and restores from the audit log. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand(
    { name: 'audit', help: HELP, options: OPTIONS, timeoutMs: LONG_MS, plan: (line) => plan(line, io) },
    args,
    io,
  )
}

function plan(line: CommandLine, io: CommandIo): ControlPlan {
  const [action = '', ...words] = line.words
  const takes = Object.hasOwn(TAKES, action) ? TAKES[action] : undefined
  if (takes === undefined) throw new UsageFault('specify one of list, verify, export, restore')
  const given = Object.keys(OPTIONS).filter((option) => line.switches.has(option) || line.values.has(option))
  const stray = given.find((option) => !takes.includes(option))
  if (stray !== undefined) throw new UsageFault(`${stray} is not valid with '${action}'`)
  if (action === 'restore') return restore(words, line, io)
  if (words.length > 0) throw new UsageFault(`'${action}' takes no arguments`)
  if (action === 'verify') return verify(line)
  return action === 'list' ? list(line) : exportLog(line)
}

function list(line: CommandLine): ControlPlan {
  const query = queryOf(line, ['--before'])
  query.set('limit', line.values.get('--limit')?.[0] ?? '20')
  return async (ask) => {
    const json = await ask('GET', `/api/v1/audit?${query}`)
    const { entries, next_before: next } = listSchema.parse(json)
    const more = next === null ? [] : [`more with --before ${next}`]
    return { json, lines: entries.length === 0 ? ['no entries'] : [...entries.flatMap(describe), ...more] }
  }
}

function verify(line: CommandLine): ControlPlan {
  const query = new URLSearchParams()
  for (const name of ['number', 'hash']) {
    const value = line.values.get(`--${name}`)?.[0]
    if (value !== undefined) query.set(name, value)
  }
  if (query.size === 1) throw new UsageFault('--number and --hash must be used together')
  return async (ask: ControlClient) => {
    const json = await ask('GET', `/api/v1/audit/verification?${query}`)
    const { valid, head, broken } = verificationSchema.parse(json)
    const sound = `entries up to ${head.number} are valid, the last with hash ${head.hash}`
    if (valid) return { json, lines: [sound] }
    const fault = `entry ${broken?.number} is ${(broken?.why ?? 'broken').replaceAll('_', ' ')}`
    return { json, lines: [fault, sound], exitCode: 1 }
  }
}

function exportLog(line: CommandLine): ControlPlan {
  const query = queryOf(line, ['--format'])
  return async (ask) => ({ json: undefined, lines: [], text: ask.download(`/api/v1/audit/export?${query}`) })
}

function restore(words: readonly string[], line: CommandLine, io: CommandIo): ControlPlan {
  const [number, ...more] = words
  if (number === undefined || !/^[1-9]\d{0,14}$/.test(number) || more.length > 0) {
    throw new UsageFault("specify one entry by its number, which 'list' shows")
  }
  const to = line.values.get('--to')?.[0] ?? 'before'
  if (to !== 'before' && to !== 'after') throw new UsageFault('--to must be before or after')
  const terms = changeTermsOf(line)
  return async (ask) => {
    const path = `/api/v1/audit/${number}/restore`
    const changed = await lookThenChange((sent) => ask('POST', path, { to, ...sent }), terms, io)
    if ('dry' in changed) return printedPreview([changed.preview])
    const { outcome, environment, subject, notes } = restoredSchema.parse(changed.answer)
    const done = outcome === 'written' ? 'is restored to' : 'already has'
    const lines = [
      `${subject} in ${environment} ${done} its state ${to} entry ${number}`,
      ...(outcome === 'written' ? [`  before: ${changed.preview.before}`] : []),
      `  now: ${changed.preview.after}`,
      ...notes.map((note) => `  ${note}`),
    ]
    return { json: changed.answer, lines }
  }
}

function queryOf(line: CommandLine, further: readonly string[]): URLSearchParams {
  const query = new URLSearchParams()
  for (const option of [...FILTERS, ...further]) {
    const value = line.values.get(option)?.[0]
    if (value !== undefined) query.set(option.slice(2), value)
  }
  const names = Object.keys(ENVIRONMENT_OPTIONS)
  if (names.some((name) => line.switches.has(name) || line.values.has(name))) {
    query.set('environment', environmentOf(line))
  }
  return query
}

function describe(entry: Entry): string[] {
  const { number, at, by, door, from, action, environment, subject, reason, change_issue_url: issue } = entry
  const where = [environment, subject].filter((part) => part !== null).join(' ')
  const lines = [`${number}  ${at.slice(0, 19)}Z  ${action}  ${where}`]
  lines.push(`    by ${by} via ${door}${from === null ? '' : ` from ${from}`}`)
  const why = [reason, issue].filter((part) => part !== null)
  if (why.length > 0) lines.push(`    ${why.join('  ')}`)
  return lines
}
