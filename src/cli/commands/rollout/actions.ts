import { type ControlClient, RefusedError } from '../../client/control-client.ts'
import type { ControlPlan } from '../../client/control-command.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import { askRollout, readRollout, rolloutLines } from './documents.ts'

/** What the CLI may do to a rollout. */
export const ACTIONS = [
  'start',
  'pause',
  'resume',
  'next',
  'back',
  'abort',
  'exclude',
  'retry',
  'approve',
  'acknowledge',
] as const
export type Action = (typeof ACTIONS)[number]

/** Rules of ChatOps that a start may override, by option. */
export const OVERRIDES: Readonly<Record<string, string>> = {
  '--ignore-production-check': 'production_check',
  '--ignore-feature-flag-consistency-check': 'consistency_check',
  '--ignore-step-limit': 'step_limit',
}

/** What these actions do depends on the step in force. */
const DEPENDS_ON_STEP: readonly Action[] = ['next', 'back', 'approve']
const MOST_TRIES = 5

/** Sends an action, bound to the version of the rollout that the caller names, or else to the present one. */
export function act(action: Action, id: number, line: CommandLine): ControlPlan {
  const version = wholeOf(line, '--version')
  const fields = fieldsOf(action, line)
  return async (ask) => {
    const send = (version: number) => ask('POST', `/api/v1/rollouts/${id}/actions`, { action, version, ...fields })
    const json = await (version === undefined ? sendToPresent(ask, { id, action }, send) : send(version))
    return { json, lines: rolloutLines(readRollout(json)) }
  }
}

/**
 * Sends an action for the present version. The engine may write between the read and the action, which the caller cannot
 * foresee: the action is then sent for the new version, unless it would act on another step than the caller saw.
 */
async function sendToPresent(
  ask: ControlClient,
  { id, action }: { readonly id: number; readonly action: Action },
  send: (version: number) => Promise<unknown>,
): Promise<unknown> {
  const { rollout: seen } = await askRollout(ask, id)
  let { version } = seen
  for (let tries = 1; ; tries++) {
    try {
      return await send(version)
    } catch (error) {
      const isConflict = error instanceof RefusedError && error.problem === 'version_conflict'
      if (!isConflict || tries === MOST_TRIES) throw error
      const { rollout: now } = await askRollout(ask, id)
      if (DEPENDS_ON_STEP.includes(action) && now.step !== seen.step) throw error
      version = now.version
    }
  }
}

/** The fields that only this action has. */
function fieldsOf(action: Action, line: CommandLine): Readonly<Record<string, unknown>> {
  const application = line.values.get('--oauth-application')?.[0]
  const step = wholeOf(line, '--to-step')
  const overrides = Object.keys(OVERRIDES).filter((option) => line.switches.has(option))
  if ((action === 'exclude' || action === 'retry') && application === undefined) {
    throw new UsageFault(`${action} needs --oauth-application=<id|client_id>`)
  }
  return {
    ...(application !== undefined && { oauth_application: application }),
    ...(step !== undefined && { step }),
    ...(line.switches.has('--keep-flag') && { keep: true }),
    ...(overrides.length > 0 && { overrides: overrides.map((option) => OVERRIDES[option]) }),
  }
}

/** The whole number that an option gives; throws {@link UsageFault} for anything else. */
export function wholeOf(line: CommandLine, option: string): number | undefined {
  const text = line.values.get(option)?.[0]
  if (text === undefined) return undefined
  if (!/^(0|[1-9]\d{0,8})$/.test(text)) throw new UsageFault(`${option} must be a whole number`)
  return Number(text)
}
