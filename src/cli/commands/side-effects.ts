import { z } from 'zod'
import { CONTROL_HELP } from '../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../client/control-command.ts'
import { type CommandLine, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'

const HELP = `Usage: handover side-effects list [--state waiting|done|dead]
       handover side-effects retry <id>...
       handover side-effects drop <id>...

Manages the side effects of changes: dashboard annotations, records, messages, end-to-end tests. Side effects that
failed permanently ('dead') stay here until an operator retries them, from the step that failed, or drops them.

  --state STATE
      Only side effects in this state. Default: all. Lists at most 100, newest first.
${CONTROL_HELP}`

const sideEffectSchema = z.object({
  id: z.int(),
  kind: z.string(),
  state: z.string(),
  environment: z.string(),
  name: z.string(),
  attempts: z.int(),
  last_error: z.string().nullable(),
  created_at: z.string(),
})

/** `handover side-effects`: lists, retries or drops side effects. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand(
    { name: 'side-effects', help: HELP, options: { '--state': { takes: 'value' } }, plan },
    args,
    io,
  )
}

function plan(line: CommandLine): ControlPlan {
  const [action, ...words] = line.words
  const state = line.values.get('--state')?.[0]
  if (state !== undefined && action !== 'list') throw new UsageFault("--state is only valid with 'list'")
  if (action === 'list') return list(words, state)
  if (action !== 'retry' && action !== 'drop') throw new UsageFault('specify list, retry or drop')
  const ids = words.map(idOf)
  if (ids.length === 0) throw new UsageFault(`specify the ids to ${action}, which 'list' shows`)
  return async (ask) => {
    for (const id of ids) {
      if (action === 'retry') await ask('POST', `/api/v1/side-effects/${id}/retry`, {})
      else await ask('DELETE', `/api/v1/side-effects/${id}`)
    }
    const done = action === 'retry' ? 'will be retried' : 'was dropped'
    return { json: { [action]: ids }, lines: ids.map((id) => `side effect ${id} ${done}`) }
  }
}

function list(words: readonly string[], state: string | undefined): ControlPlan {
  if (words.length > 0) throw new UsageFault('list takes no arguments; use --state to filter')
  if (state !== undefined && !/^(waiting|done|dead)$/.test(state)) {
    throw new UsageFault('--state must be waiting, done or dead')
  }
  return async (ask) => {
    const answer = await ask('GET', `/api/v1/side-effects${state === undefined ? '' : `?state=${state}`}`)
    const { side_effects: sideEffects } = z.object({ side_effects: z.array(sideEffectSchema) }).parse(answer)
    const lines = sideEffects.map(({ id, kind, state: is, environment, name, attempts, last_error, created_at }) => {
      const tries = attempts === 0 ? '' : attempts === 1 ? ', tried once' : `, tried ${attempts} times`
      const why = last_error === null ? '' : `: ${last_error}`
      return `${id}  ${created_at}  ${kind.padEnd(12)}  ${is}  ${name} in ${environment}${tries}${why}`
    })
    return { json: answer, lines: lines.length > 0 ? lines : ['no side effects'] }
  }
}

function idOf(word: string): number {
  if (!/^[1-9]\d{0,9}$/.test(word))
    throw new UsageFault(`${JSON.stringify(word.slice(0, 40))} is not the id of a side effect`)
  return Number(word)
}
