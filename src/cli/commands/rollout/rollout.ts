import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import {
  MAX_PLAN_BYTES,
  movesInWords,
  pageAsHtml,
  pageAsMarkdown,
  planFaultInWords,
  readPlan,
  reportOf,
} from '../../../rollouts/index.ts'
import { REASON_OPTIONS } from '../../client/control-client.ts'
import { type ControlPlan, type LonePlan, type Printed, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { ACTIONS, type Action, act, OVERRIDES } from './actions.ts'
import { askEvents, askRollout, readRollout, readRollouts, rolloutInWords, rolloutLines } from './documents.ts'
import { HELP } from './help.ts'
import { simulated } from './simulate.ts'
import { watched } from './watch.ts'

const OPTIONS: Readonly<Record<string, OptionSpec>> = {
  ...REASON_OPTIONS,
  ...ENVIRONMENT_OPTIONS,
  '--version': { takes: 'value' },
  '--to-step': { takes: 'value' },
  '--keep-flag': { takes: 'nothing' },
  ...Object.fromEntries(Object.keys(OVERRIDES).map((option) => [option, { takes: 'nothing' }])),
  '--oauth-application': { takes: 'value' },
  '--log': { takes: 'value' },
  '--allow-short': { takes: 'nothing' },
  '--format': { takes: 'value' },
  '--output': { takes: 'value' },
  '--update': { takes: 'nothing' },
}

/** The options that only some subcommands take. */
const ONLY_WITH: Readonly<Record<string, readonly string[]>> = {
  '--version': ACTIONS,
  '--reason': [...ACTIONS, 'create'],
  '--change-issue': [...ACTIONS, 'create'],
  '--to-step': ['back'],
  '--keep-flag': ['abort'],
  ...Object.fromEntries(Object.keys(OVERRIDES).map((option) => [option, ['start']])),
  '--oauth-application': ['exclude', 'retry'],
  '--log': ['simulate'],
  '--allow-short': ['validate'],
  '--format': ['report'],
  '--output': ['report', 'issue'],
  '--update': ['issue'],
}
const SUBCOMMANDS = ['validate', 'simulate', 'create', 'list', 'show', 'watch', 'report', 'issue', ...ACTIONS]

/** A call may wait for the engine, which looks at every gateway before a step. */
const LIMIT_MS = 60_000

/** `handover rollout`: see its help. Exit codes as in `runControlCommand`, and as `watch` and `validate` say. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'rollout', help: HELP, options: OPTIONS, timeoutMs: LIMIT_MS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan | LonePlan {
  const [subcommand = '', word, ...more] = line.words
  if (!SUBCOMMANDS.includes(subcommand)) throw new UsageFault(`specify one of ${SUBCOMMANDS.join(', ')}`)
  for (const [option, subcommands] of Object.entries(ONLY_WITH)) {
    const isGiven = line.values.has(option) || line.switches.has(option)
    if (isGiven && !subcommands.includes(subcommand)) throw new UsageFault(`${option} is not valid with ${subcommand}`)
  }
  const isList = subcommand === 'list'
  const environment = givenEnvironmentOf(line)
  if (environment !== undefined && !isList) throw new UsageFault('an environment is only valid with list')
  if (more.length > 0 || (isList && word !== undefined)) throw new UsageFault(`${subcommand} takes fewer arguments`)
  if (isList) return listed(environment)
  if (subcommand === 'validate' || subcommand === 'simulate' || subcommand === 'create') {
    return withPlan(subcommand, word, line)
  }
  const id = idOf(word)
  if (ACTIONS.some((action) => action === subcommand)) return act(subcommand as Action, id, line)
  if (subcommand === 'watch') return async (ask) => watched(ask, id, line.switches.has('--json'))
  if (subcommand === 'report') return reported(id, line)
  if (subcommand === 'issue') return issued(id, line)
  return async (ask) => {
    const { json, rollout } = await askRollout(ask, id)
    return { json, lines: rolloutLines(rollout) }
  }
}

function listed(environment: string | undefined): ControlPlan {
  return async (ask) => {
    const json = await ask('GET', `/api/v1/rollouts${environment === undefined ? '' : `?environment=${environment}`}`)
    const lines = readRollouts(json).map(rolloutInWords)
    return { json, lines: lines.length > 0 ? lines : ['no rollouts'] }
  }
}

function withPlan(
  subcommand: 'validate' | 'simulate' | 'create',
  file: string | undefined,
  line: CommandLine,
): ControlPlan | LonePlan {
  if (file === undefined) throw new UsageFault(`${subcommand} needs a plan file`)
  const text = readText(file)
  if (subcommand === 'validate') return { alone: async () => validated(file, text, line.switches.has('--allow-short')) }
  if (subcommand === 'simulate') return simulated(text, line.values.get('--log')?.[0])
  return async (ask) => {
    const json = await ask('POST', '/api/v1/rollouts', { plan: text })
    return { json, lines: rolloutLines(readRollout(json)) }
  }
}

function validated(file: string, text: string, allowsShort: boolean): Printed {
  const read = readPlan(text, { now: Date.now(), allowsShort })
  if ('faults' in read) {
    const lines = read.faults.map((fault) => `${file}: ${planFaultInWords(fault)}`)
    return { json: { valid: false, faults: read.faults }, lines, exitCode: 1 }
  }
  const { name, flag, environment, steps, shortened } = read.plan
  const lines = [
    `${file} is valid: ${name}, ${flag} in ${environment}`,
    ...steps.map(({ number, moves }) => `  step ${number}: ${movesInWords(moves)}`),
    ...shortened.map((short) => `! ${short}, which only test controls permit`),
  ]
  return { json: { valid: true, name, flag, environment, steps: steps.length, shortened }, lines }
}

function reported(id: number, line: CommandLine): ControlPlan {
  const format = line.values.get('--format')?.[0] ?? 'markdown'
  if (format !== 'markdown' && format !== 'html') throw new UsageFault('--format must be markdown or html')
  return async (ask) => {
    const { json, rollout } = await askRollout(ask, id)
    const events = await askEvents(ask, id)
    const page = reportOf(rollout, events)
    const text = format === 'html' ? pageAsHtml(page, `Rollout ${rollout.name}`) : pageAsMarkdown(page)
    return written(text, line, { rollout: json, events })
  }
}

function issued(id: number, line: CommandLine): ControlPlan {
  const isUpdate = line.switches.has('--update')
  return async (ask) => {
    const json = await ask(isUpdate ? 'POST' : 'GET', `/api/v1/rollouts/${id}/issue`, isUpdate ? {} : undefined)
    const { markdown, url } = z.object({ markdown: z.string(), url: z.string().nullable() }).parse(json)
    if (isUpdate) return { json, lines: [`the rollout issue is up to date: ${url}`] }
    return written(markdown, line, json)
  }
}

/** Prints a text, or writes it to the file that `--output` names. */
function written(text: string, line: CommandLine, json: unknown): Printed {
  const file = line.values.get('--output')?.[0]
  if (file === undefined) return { json, lines: text.trimEnd().split('\n') }
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new UsageFault(`${file} cannot be written (${(error as NodeJS.ErrnoException).code})`)
  }
  return { json, lines: [`written to ${file}`] }
}

/** The text of a plan file; one that is far too long is not read. */
function readText(file: string): string {
  try {
    const { size } = statSync(file)
    if (size > MAX_PLAN_BYTES * 4) {
      throw new UsageFault(`${file} has ${size} bytes, and a plan at most ${MAX_PLAN_BYTES}`)
    }
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof UsageFault) throw error
    throw new UsageFault(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function idOf(word: string | undefined): number {
  if (word === undefined || !/^[1-9]\d{0,8}$/.test(word)) {
    throw new UsageFault("specify one rollout by its number; 'list' shows them")
  }
  return Number(word)
}
