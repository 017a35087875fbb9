import type { Environment } from '../flags/index.ts'
import type { ChatAction, RolloutCommand } from './command.ts'
import type { Arguments } from './options.ts'

type Read = RolloutCommand | { readonly fault: string }

/** `rollout list`: of these environments; of all of them when none is named. */
export function readRolloutList(given: Arguments, environments: readonly Environment[] | undefined): Read {
  if (given.words.length > 0) return { fault: "'rollout list' takes no rollout; use 'rollout show <id>'" }
  return { kind: 'rollout_list', environments }
}

/** `rollout show <id>`. */
export function readRolloutShow(given: Arguments): Read {
  const rollout = rolloutOf(given)
  return typeof rollout === 'number' ? { kind: 'rollout_show', rollout } : rollout
}

/** `rollout pause|resume|approve|abort <id> [--reason <text>]`. */
export function readRolloutAction(action: ChatAction): (given: Arguments) => Read {
  return (given) => {
    const rollout = rolloutOf(given)
    if (typeof rollout !== 'number') return rollout
    const reason = given.values.get('--reason')?.[0]
    if (action === 'abort' && reason === undefined) {
      return { fault: "'rollout abort' needs --reason: say why it ends" }
    }
    return { kind: 'rollout_act', action, rollout, reason }
  }
}

/** `report-problem --oauth-application=<id|client_id> --reason <text>`. */
export function readProblem(given: Arguments, environments: readonly Environment[]): Read {
  const [environment, ...others] = environments
  if (given.words.length > 0) return { fault: "'report-problem' takes options only" }
  if (environment === undefined || others.length > 0) return { fault: 'specify one environment' }
  const application = given.values.get('--oauth-application')?.[0]
  const reason = given.values.get('--reason')?.[0]
  if (application === undefined) return { fault: 'specify the application with --oauth-application=<id|client_id>' }
  if (application.includes(',')) return { fault: 'report one application at a time' }
  if (reason === undefined) return { fault: 'say with --reason what the customer reports' }
  return { kind: 'report_problem', environment, application, reason }
}

function rolloutOf({ words }: Arguments): number | { readonly fault: string } {
  const [id, ...more] = words
  if (id === undefined || more.length > 0 || !/^[1-9]\d{0,8}$/.test(id)) {
    return { fault: "specify one rollout by its number; 'rollout list' shows them" }
  }
  return Number(id)
}
