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

/** Sends an action, bound to the version of the rollout that the caller names, or else to the present one. */
export function act(action: Action, id: number, line: CommandLine): ControlPlan {
  const version = wholeOf(line, '--version')
  const fields = fieldsOf(action, line)
  return async (ask) => {
    const known = version ?? (await askRollout(ask, id)).rollout.version
    const json = await ask('POST', `/api/v1/rollouts/${id}/actions`, { action, version: known, ...fields })
    return { json, lines: rolloutLines(readRollout(json)) }
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
