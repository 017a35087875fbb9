import { z } from 'zod'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, givenEnvironmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover drill fail-open|guard|show

Proves on the running system that a protection works, with a twin application. No real traffic is touched.

  fail-open   New flows of the twin fall back to the monolith while the gateway treats IAM as unreachable for them.
  guard       A guard notices a twin that is broken on purpose within seven outcomes. No rollout starts without it.
  show        The latest drill of each kind, and whether it still counts. A drill counts for 7 days and for the version
              of IAM that it was made with.

The exit code is 0 if the drill passed (show: if both drills count), and 1 otherwise.

${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const LIMIT_MS = 10 * 60_000

const drillSchema = z.object({
  drill: z.enum(['guard', 'fail_open']),
  passed: z.boolean(),
  is_current: z.boolean(),
  iam_version: z.string().nullable(),
  sentence: z.string(),
  at: z.string(),
  by: z.string(),
})

/** `handover drill`: runs a drill, or shows the latest. Exit code 1 if it did not pass. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const options = ENVIRONMENT_OPTIONS
  return runControlCommand({ name: 'drill', help: HELP, options, timeoutMs: LIMIT_MS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const [action, ...more] = line.words
  const isKnown = action === 'fail-open' || action === 'guard' || action === 'show'
  if (!isKnown || more.length > 0) throw new UsageFault('specify one of fail-open, guard, show')
  const environment = givenEnvironmentOf(line)
  if (action === 'show') {
    const query = environment === undefined ? '' : `?environment=${environment}`
    return async (ask) => {
      const json = await ask('GET', `/api/v1/drills${query}`)
      const { drills } = z.object({ drills: z.array(drillSchema) }).parse(json)
      const missing = ['fail_open', 'guard'].filter((name) => !drills.some(({ drill }) => drill === name))
      const lines = [...drills.map(inWords), ...missing.map((name) => `${worded(name)}  never done`)]
      return { json, lines, exitCode: missing.length === 0 && drills.every((one) => one.is_current) ? 0 : 1 }
    }
  }
  return drillPlan(action === 'guard' ? 'guard' : 'fail_open', environment)
}

function drillPlan(drill: 'guard' | 'fail_open', environment: string | undefined): ControlPlan {
  return async (ask) => {
    const json = await ask('POST', '/api/v1/drills', { drill, ...(environment !== undefined && { environment }) })
    const result = drillSchema.parse(json)
    return { json, lines: [inWords(result)], exitCode: result.passed ? 0 : 1 }
  }
}

function inWords({ drill, passed, is_current, iam_version, sentence, at, by }: z.infer<typeof drillSchema>): string {
  const counts = passed && !is_current ? ', no longer counts' : ''
  const version = iam_version === null ? '' : `, IAM ${iam_version}`
  return `${worded(drill)}  ${passed ? 'passed' : 'failed'}${counts}: ${sentence} (${at}, by ${by}${version})`
}

function worded(name: string): string {
  return name.replace('_', '-')
}
