import { channelRefusal, headingOf, type RolloutCommand, type RuleSettings, type Section } from '../../chatops/index.ts'
import { ENVIRONMENTS, type Environment } from '../../flags/index.ts'
import { type ChangeContext, reasonFaults } from '../audit/change-context.ts'
import type { Rollouts } from '../rollouts/rollouts.ts'
import type { StoredRollout } from '../rollouts/store/rollout-store.ts'
import type { ChangeFeed } from '../state/feed.ts'
import type { Principal, Run } from './context/principal.ts'

/** What commands do with rollouts. */
export interface ChatRollouts {
  readonly rollouts: Pick<Rollouts, 'read' | 'list' | 'events' | 'act' | 'reportProblem'>
  readonly feed: ChangeFeed
}

const MOST_LISTED = 20
const MOST_EXCLUDED = 10

/** Carries out a command on rollouts. Production is steered from its channel only, like its flags. */
export async function onRollouts(
  { rollouts, feed }: ChatRollouts,
  rules: RuleSettings,
  command: RolloutCommand,
  run: Run,
): Promise<readonly Section[]> {
  switch (command.kind) {
    case 'rollout_list': {
      const wanted = command.environments ?? ENVIRONMENTS
      const found = (await rollouts.list({ limit: 200 })).filter(({ plan }) => wanted.includes(plan.environment))
      const lines = found.slice(0, MOST_LISTED).map(lineOf)
      return [{ heading: `${found.length} rollouts`, tone: 'info', lines: lines.length > 0 ? lines : ['none'] }]
    }
    case 'rollout_show': {
      const found = await rollouts.read(command.rollout)
      return [found === undefined ? unknown(command.rollout) : shown(found, 'info')]
    }
    case 'rollout_act':
      return [await act(rollouts, rules, command, run)]
    case 'report_problem':
      return [await report({ rollouts, feed }, rules, command, run)]
  }
}

async function act(
  rollouts: ChatRollouts['rollouts'],
  rules: RuleSettings,
  command: Extract<RolloutCommand, { kind: 'rollout_act' }>,
  run: Run,
): Promise<Section> {
  const { rollout: id, action, reason } = command
  const found = await rollouts.read(id)
  if (found === undefined) return unknown(id)
  const { environment, name } = found.plan
  const refused = (why: string): Section => {
    return { heading: headingOf(environment, `rollout ${id}, ${action} refused`), tone: 'refused', lines: [why] }
  }
  const why = refusalOf(environment, reason, rules, run)
  if (why !== undefined) return refused(why)
  const attempt = (version: number) => {
    const request = { action, version, context: contextOf(run, reason), slackChannel: run.principal.slackChannel }
    return rollouts.act(id, request, run.principal.mayChange)
  }
  const first = await attempt(found.version)
  // The engine decides at any moment; a command names no version, so it means the rollout as it is now.
  const outcome = 'kind' in first && first.kind === 'conflict' ? await attempt(first.version) : first
  if (!('kind' in outcome)) {
    const section = shown(outcome, 'done')
    return { ...section, heading: headingOf(environment, `rollout ${id} (${name}), ${action} done`) }
  }
  switch (outcome.kind) {
    case 'unknown':
      return unknown(id)
    case 'conflict':
      return refused(`${await lastChangeOf(rollouts, id)}; check it and run the command again`)
    case 'faults':
      throw new Error(`a command of chatops cannot end as ${outcome.kind}`)
    case 'forbidden':
    case 'refused':
      return refused(outcome.why)
  }
}

/** Who was faster, and with what. */
async function lastChangeOf(rollouts: ChatRollouts['rollouts'], id: number): Promise<string> {
  const [last] = await rollouts.events(id, { order: 'newest', limit: 1 })
  return last === undefined ? 'it has just changed' : `${last.by} was faster: ${last.sentence}`
}

async function report(
  { rollouts, feed }: ChatRollouts,
  rules: RuleSettings,
  command: Extract<RolloutCommand, { kind: 'report_problem' }>,
  run: Run,
): Promise<Section> {
  const { environment, application: named, reason } = command
  const refused = (why: string): Section => {
    return { heading: headingOf(environment, 'problem not recorded'), tone: 'refused', lines: [why] }
  }
  const why = refusalOf(environment, reason, rules, run)
  if (why !== undefined) return refused(why)
  await feed.catchUp()
  const application = feed.cache.applicationNamed(named)
  if (application === undefined) return refused(`there is no application ${JSON.stringify(named.slice(0, 60))}`)
  const id = await rollouts.reportProblem(environment, application.id, contextOf(run, reason))
  const lines = ['rollouts take it back to the monolith and do not move it until a person tries it again']
  return {
    heading: headingOf(environment, `problem ${id} of application ${application.id} recorded`),
    tone: 'done',
    lines,
  }
}

function refusalOf(
  environment: Environment,
  reason: string | undefined,
  rules: RuleSettings,
  { principal }: Run,
): string | undefined {
  if (!principal.mayChange.includes(environment)) return `${principal.name} may not change ${environment}`
  const [fault] = reasonFaults({ reason })
  return channelRefusal(environment, principal.slackChannel, rules) ?? (fault && `${fault.field} ${fault.rule}`)
}

function contextOf({ principal, correlationId }: Run, reason: string | undefined): ChangeContext {
  const { name: by, role, channel, from }: Principal = principal
  return { by, role, channel, from, correlation_id: correlationId, reason }
}

function unknown(id: number): Section {
  return { heading: `rollout ${id}: not found`, tone: 'refused', lines: ["'rollout list' shows the rollouts"] }
}

function lineOf({ id, plan, state, step }: StoredRollout): string {
  return `${id}: ${plan.name} in ${plan.environment}, ${state}, step ${step} of ${plan.steps.length}`
}

function shown(rollout: StoredRollout, tone: Section['tone']): Section {
  const { plan, state, hold, pausedBy, excluded, forecast } = rollout
  const isActive = state !== 'draft' && state !== 'completed' && state !== 'aborted'
  const left = excluded.length - MOST_EXCLUDED
  const lines = [
    lineOf(rollout),
    ...(hold === undefined ? [] : [`held: ${hold.sentence}`]),
    ...(state === 'paused' ? [`paused by ${pausedBy ?? 'someone'}`] : []),
    ...(isActive && hold === undefined && state !== 'paused' ? (forecast.waiting_for ?? []) : []),
    ...excluded
      .slice(0, MOST_EXCLUDED)
      .map((each) => `application ${each.application_id} taken back: ${each.sentence}`),
    ...(left > 0 ? [`and ${left} more applications taken back`] : []),
  ]
  return { heading: headingOf(plan.environment, `rollout ${rollout.id} (${plan.name}) is ${state}`), tone, lines }
}
