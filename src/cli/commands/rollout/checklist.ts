import { z } from 'zod'
import { CHECKLIST_ITEMS } from '../../../rollouts/index.ts'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover checklist show [--commit SHA] [--change-issue URL]
       handover checklist tick|untick ITEM [--note TEXT] [--rollout ID]

The checklist of a rollout: what has to be done before the first step, between steps, and after the last one. Most items
are checked automatically; the others are ticked by hand, with name and time. A tick also completes an item that cannot
be checked here, and never one whose check found something open. The exit code of 'show' is 0 if nothing is open before
the first step, and 1 otherwise.

Items: ${CHECKLIST_ITEMS.join(', ')};
with --rollout also the items of its plan, by their text.

  --commit SHA
      The commit that has to be deployed in every part, also on the canaries.
  --change-issue URL
      The change issue that has to be open.
  --rollout ID
      The checklist of this rollout, with the items of its plan; the ticks of its environment count for it too. Default: that of the environment.
  --note TEXT
      What was done, such as a link.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const OPTIONS = {
  '--commit': { takes: 'value' },
  '--change-issue': { takes: 'value' },
  '--rollout': { takes: 'value' },
  '--note': { takes: 'value' },
  ...ENVIRONMENT_OPTIONS,
} as const

/** The checks ask other systems, each with a time limit of its own. */
const LIMIT_MS = 60_000

const listSchema = z.object({
  items: z.array(
    z.object({
      item: z.string(),
      title: z.string(),
      phases: z.array(z.string()),
      state: z.enum(['done', 'open', 'unknown']),
      sentence: z.string(),
      command: z.string(),
    }),
  ),
})
type Item = z.infer<typeof listSchema>['items'][number]

/** `handover checklist`: shows the checklist, ticks its items. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'checklist', help: HELP, options: OPTIONS, timeoutMs: LIMIT_MS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const [action, item, ...more] = line.words
  if (action === 'show' && item === undefined) return show(line)
  if ((action !== 'tick' && action !== 'untick') || more.length > 0)
    throw new UsageFault('specify one of show, tick, untick')
  // Only the control plane knows which items the plan of a rollout has.
  const isKnown = line.values.has('--rollout') || CHECKLIST_ITEMS.some((one) => one === item)
  if (item === undefined || !isKnown) throw new UsageFault(`${action} needs an item: ${CHECKLIST_ITEMS.join(', ')}`)
  for (const option of ['--commit', '--change-issue']) {
    if (line.values.has(option)) throw new UsageFault(`${option} is only valid with show`)
  }
  const note = line.values.get('--note')?.[0]
  const body = { ...subject(line), item, done: action === 'tick', ...(note !== undefined && { note }) }
  return async (ask) => {
    const json = await ask('POST', '/api/v1/checklist/ticks', body)
    const changed = listSchema.parse(json).items.filter((one) => one.item === item)
    return { json, lines: changed.map(inWords) }
  }
}

function show(line: CommandLine): ControlPlan {
  if (line.values.has('--note')) throw new UsageFault('--note is only valid with tick')
  const { environment, rollout } = subject(line)
  const query = new URLSearchParams({ environment })
  if (rollout !== undefined) query.set('rollout', String(rollout))
  const commit = line.values.get('--commit')?.[0]
  const issue = line.values.get('--change-issue')?.[0]
  if (commit !== undefined) query.set('commit', commit)
  if (issue !== undefined) query.set('change_issue', issue)
  return async (ask) => {
    const json = await ask('GET', `/api/v1/checklist?${query}`)
    const { items } = listSchema.parse(json)
    const lines = ['before', 'between', 'after'].flatMap((phase) => {
      const own = items.filter(({ phases }) => phases[0] === phase || (phase === 'between' && phases.includes(phase)))
      return [`${phase} the steps:`, ...own.map(inWords)]
    })
    const isReady = items.every(({ state, phases }) => state === 'done' || !phases.includes('before'))
    return { json, lines, exitCode: isReady ? 0 : 1 }
  }
}

function subject(line: CommandLine): { readonly environment: string; readonly rollout?: number } {
  const environment = environmentOf(line)
  const rollout = line.values.get('--rollout')?.[0]
  if (rollout === undefined) return { environment }
  if (!/^[1-9]\d{0,8}$/.test(rollout)) throw new UsageFault('--rollout must be the id of a rollout')
  return { environment, rollout: Number(rollout) }
}

const MARKS = { done: '[x]', open: '[ ]', unknown: '[?]' } as const

function inWords({ item, title, state, sentence, command }: Item): string {
  const next = state === 'done' ? '' : `  (${command})`
  return `  ${MARKS[state]} ${item}  ${title}: ${sentence}${next}`
}
