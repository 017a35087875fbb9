import { headingOf, isRolloutIncrease, type Section } from '../../../chatops/index.ts'
import type { Environment, FlagState } from '../../../flags/index.ts'
import { isStoreAway } from '../../../storage/index.ts'
import type { ChangeContext } from '../../audit/change-context.ts'
import { changeFlag, deleteFlag, type FlagOutcome } from '../../flags/flag-writes.ts'
import { impactInWords, rehearsalInWords } from '../../flags/impact.ts'
import { namedStateInWords } from '../../flags/notes.ts'
import { logFlagChange } from '../../flags/request-context.ts'
import { faultsInWords } from '../../requests/problems.ts'
import { defaultState } from '../../state/state-cache.ts'
import type { Run } from '../context/principal.ts'
import { type ChangeCommand, type ChangeTools, type Plan, planChange } from './change-plan.ts'
import {
  isChecked,
  obstaclesNow,
  productionStands,
  quickRefusals,
  refusalOfImpact,
  refusalOfPrincipal,
  refusalOfReason,
  SWITCH,
} from './change-rules.ts'
import { propose } from './proposals.ts'

/** Who approves a change that someone else proposed. */
export interface Approval {
  readonly proposedBy: string
  readonly flagVersion: number
}

/** An approval that must be claimed right before the write; false if someone else was first. */
export interface ClaimedApproval extends Approval {
  readonly claim: () => Promise<boolean>
}

/**
 * Applies a change to one environment after the other. Once an environment refuses, a change towards IAM stops; a
 * rollback continues with the remaining ones, because it is what an incident calls for.
 */
export async function changeEach(
  tools: ChangeTools,
  command: ChangeCommand,
  words: string,
  run: Run,
): Promise<Section[]> {
  const sections: Section[] = []
  const assumed = new Map<Environment, FlagState>()
  let refusedAt: Environment | undefined
  const inOne = async (environment: Environment): Promise<Section> => {
    const plan = await planChange(tools, command, environment)
    if ('refused' in plan) return refused(environment, [plan.refused])
    if (refusedAt !== undefined && isRolloutIncrease(plan.before, plan.after)) {
      const lines = [`because ${refusedAt} was refused`]
      return { heading: headingOf(environment, 'not done'), tone: 'not_done', lines }
    }
    const section = command.isDryRun
      ? await rehearse(tools, plan, run, assumed)
      : await changeOne(tools, plan, run, { words })
    assumed.set(environment, plan.after)
    return section
  }
  for (const environment of command.environments) {
    const section = await inOne(environment).catch((error: unknown) => {
      // Before any environment was changed, the error is thrown; after that, the completed changes must still be
      // reported.
      if (sections.length === 0 || !isStoreAway(error)) throw error
      tools.dependencies.log.error({ err: error, environment, correlation_id: run.correlationId }, 'chatops failed')
      return refused(environment, ['the database does not answer: look before you say it again'])
    })
    if (section.tone === 'refused') refusedAt ??= environment
    sections.push(section)
  }
  return sections
}

/** Applies one environment of a proposal in the approver's name. */
export async function changeApproved(
  tools: ChangeTools,
  command: ChangeCommand,
  approval: ClaimedApproval,
  run: Run,
): Promise<Section> {
  const [environment = 'production'] = command.environments
  const plan = await planChange(tools, command, environment)
  if ('refused' in plan) return refused(environment, [plan.refused])
  if (plan.version !== approval.flagVersion) {
    return refused(environment, ['the flag has changed since the proposal; make a new proposal'])
  }
  return changeOne(tools, plan, run, { approval })
}

/** Checks the rules one after the other, then writes. */
async function changeOne(
  tools: ChangeTools,
  plan: Plan,
  run: Run,
  { words = '', approval }: { readonly words?: string; readonly approval?: ClaimedApproval },
): Promise<Section> {
  const { rules, dependencies } = tools
  const { environment, command } = plan
  const right = refusalOfPrincipal(tools, environment, run)
  if (right !== undefined) return refused(environment, [right])
  const isIncrease = isRolloutIncrease(plan.before, plan.after)
  const missing = refusalOfReason(dependencies, environment, command, isIncrease)
  const refusal = missing ?? refusalOfImpact(plan)
  if (refusal !== undefined) return refused(environment, [refusal])
  const needsSecond = approval === undefined && isIncrease && rules.twoPerson.includes(environment)
  const overridden: string[] = []
  // Approval comes later, and the state of production is checked then.
  const obstacles = needsSecond || !isChecked(environment, isIncrease) ? [] : await productionStands(tools, plan, run)
  const quick = [...obstacles, ...(await quickRefusals(tools, plan, undefined))]
  for (const { rule, why } of quick) {
    if (!command.overrides.includes(rule)) return refused(environment, [why, `to pass over it: ${SWITCH[rule]}`])
    overridden.push(`${rule}: ${why}`)
  }
  if (needsSecond) return proposed(tools, plan, words, run)
  if (approval !== undefined && !(await approval.claim())) {
    return refused(environment, ['someone else has decided the proposal, or it has expired'])
  }
  const outcome = await write(tools, plan, run, { approval, overridden })
  return sectionOf(dependencies, plan, outcome, overridden)
}

/** The result of a dry run: what would move, and what currently blocks it. Nothing waits. */
async function rehearse(
  tools: ChangeTools,
  plan: Plan,
  run: Run,
  assumed: ReadonlyMap<Environment, FlagState>,
): Promise<Section> {
  const { environment, before, after, command } = plan
  const isIncrease = isRolloutIncrease(before, after)
  const right = refusalOfPrincipal(tools, environment, run)
  const missing = refusalOfReason(tools.dependencies, environment, command, isIncrease)
  const obstacles = isChecked(environment, isIncrease) ? await obstaclesNow(tools, environment) : []
  const stands = [
    ...obstacles.map(({ what }) => ({ rule: 'production_check' as const, why: what })),
    ...(await quickRefusals(tools, plan, assumed)),
  ]
  const lines = [
    `now: ${namedStateInWords(tools.dependencies.feed.cache, before)}`,
    `then: ${namedStateInWords(tools.dependencies.feed.cache, after)}`,
    ...plan.notes,
    ...rehearsalInWords(command.flag, plan.impact),
    ...warningLines(plan),
    ...(right === undefined ? [] : [`would be refused: ${right}`]),
    ...[missing, refusalOfImpact(plan)].flatMap((why) => (why === undefined ? [] : [`would be refused: ${why}`])),
    ...stands.map(({ rule, why }) => `would be ${command.overrides.includes(rule) ? 'overridden' : 'refused'}: ${why}`),
    ...(isIncrease && tools.rules.twoPerson.includes(environment) ? ['a second person would have to approve it'] : []),
  ]
  return { heading: headingOf(environment, 'dry run, nothing is changed'), tone: 'info', lines }
}

async function proposed({ dependencies, rules }: ChangeTools, plan: Plan, words: string, run: Run): Promise<Section> {
  const { environment, command, version } = plan
  const one: ChangeCommand = { ...command, environments: [environment] }
  const { id, expires_at } = await propose(
    dependencies.store,
    {
      ...{ environment, flag: command.flag, command: one, words, flag_version: version },
      proposed_by: run.principal.name,
    },
    rules.proposalMs,
  )
  const lines = [
    `now: ${namedStateInWords(dependencies.feed.cache, plan.before)}`,
    `then: ${namedStateInWords(dependencies.feed.cache, plan.after)}`,
    ...plan.notes,
    ...warningLines(plan),
    `another person carries it out with: feature approve ${id} (until ${expires_at.toISOString()})`,
  ]
  return { heading: headingOf(environment, `waits for a second person as proposal ${id}`), tone: 'waiting', lines }
}

async function write(
  { dependencies }: ChangeTools,
  plan: Plan,
  run: Run,
  { approval, overridden }: { readonly approval: Approval | undefined; readonly overridden: readonly string[] },
): Promise<FlagOutcome> {
  const { environment, command, changes, version } = plan
  const { flag } = command
  const { name: by, role, channel, from } = run.principal
  const context: ChangeContext = {
    ...{ by, role, channel, from },
    correlation_id: run.correlationId,
    reason: command.reason,
    change_issue_url: command.changeIssue,
    proposed_by: approval?.proposedBy,
    overrides: overridden.length > 0 ? overridden : undefined,
  }
  const target = { environment, name: flag, ifVersion: version, context }
  const outcome =
    command.kind === 'feature_set'
      ? await changeFlag(dependencies.store, dependencies.definitions, target, changes)
      : await deleteFlag(dependencies.store, target)
  // A committed change is reported as done, even if the database becomes unavailable right after it.
  await dependencies.feed.catchUp().catch((error: unknown) => {
    dependencies.log.warn(
      { err: error, correlation_id: run.correlationId },
      'a change was made but is not yet visible on this replica',
    )
  })
  const action = command.kind === 'feature_set' ? 'set' : 'remove'
  logFlagChange(dependencies, action, target, { outcome, extra: { changes } })
  return outcome
}

function sectionOf(
  dependencies: ChangeTools['dependencies'],
  plan: Plan,
  outcome: FlagOutcome,
  overridden: readonly string[],
): Section {
  const { environment, command } = plan
  const isSet = command.kind === 'feature_set'
  const words = (state: FlagState) => namedStateInWords(dependencies.feed.cache, state)
  switch (outcome.kind) {
    case 'refused':
      return refused(environment, [outcome.why])
    case 'conflict':
      return refused(environment, ['someone else changed the flag in the meantime; check it and run the command again'])
    case 'cause_missing':
      return refused(environment, [faultsInWords(outcome.errors)])
    case 'unconfirmed':
    case 'rehearsed':
    case 'just_restored':
    case 'no_history':
      throw new Error(`a chatops command cannot end as ${outcome.kind}`)
    case 'unchanged':
    case 'written': {
      const lines = [
        `${command.flag}: ${words(outcome.after ?? defaultState(dependencies.definitions, environment, command.flag))}`,
        ...(outcome.kind === 'written'
          ? [`before: ${words(plan.before)}`, ...plan.notes, ...impactInWords(plan.impact), ...warningLines(plan)]
          : []),
        ...overridden.map((rule) => `overrode ${rule}`),
      ]
      const word = outcome.kind === 'unchanged' ? 'no change' : isSet ? 'done' : 'deleted'
      return { heading: headingOf(environment, word), tone: 'done', lines }
    }
  }
}

function warningLines({ warnings }: Plan): string[] {
  return warnings.map((warning) => `warning: ${warning}`)
}

function refused(environment: Environment, lines: readonly string[]): Section {
  return { heading: headingOf(environment, 'refused'), tone: 'refused', lines }
}
