import { headingOf, isWidening, type Section } from '../../../chatops/index.ts'
import type { Environment, FlagState } from '../../../flags/index.ts'
import { isStoreAway } from '../../../storage/index.ts'
import type { Cause } from '../../audit/cause.ts'
import { changeFlag, deleteFlag, type FlagOutcome } from '../../flags/flag-writes.ts'
import { movesInWords, rehearsalInWords } from '../../flags/moves.ts'
import { namedStateInWords } from '../../flags/notes.ts'
import { logFlagChange } from '../../flags/request-cause.ts'
import { faultsInWords } from '../../requests/problems.ts'
import { defaultState } from '../../state/view.ts'
import type { Run } from '../context/person.ts'
import { type ChangeCommand, type ChangeTools, type Plan, planChange } from './change-plan.ts'
import {
  isChecked,
  obstaclesNow,
  productionStands,
  quickRefusals,
  refusalOfMoves,
  refusalOfPerson,
  refusalOfReason,
  SWITCH,
} from './change-rules.ts'
import { propose } from './proposals.ts'

/** Who approves a change that someone else proposed. */
export interface Approval {
  readonly proposedBy: string
  readonly flagVersion: number
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
    if (refusedAt !== undefined && isWidening(plan.before, plan.after)) {
      const lines = [`because ${refusedAt} was refused`]
      return { heading: headingOf(environment, 'not done'), tone: 'not_done', lines }
    }
    const section = command.isDryRun
      ? await rehearse(tools, plan, run, assumed)
      : await changeOne(tools, plan, words, run, undefined)
    assumed.set(environment, plan.after)
    return section
  }
  for (const environment of command.environments) {
    const section = await inOne(environment).catch((error: unknown) => {
      // Before any environment was changed, the error is thrown; after that, the completed changes must still be
      // reported.
      if (sections.length === 0 || !isStoreAway(error)) throw error
      tools.plane.log.error({ err: error, environment, correlation_id: run.correlationId }, 'chatops failed')
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
  approval: Approval,
  run: Run,
  claim: () => Promise<boolean>,
): Promise<Section> {
  const [environment = 'production'] = command.environments
  const plan = await planChange(tools, command, environment)
  if ('refused' in plan) return refused(environment, [plan.refused])
  if (plan.version !== approval.flagVersion) {
    return refused(environment, ['the flag has been changed since it was proposed: propose it anew'])
  }
  return changeOne(tools, plan, '', run, { ...approval, claim })
}

/** Checks the rules one after the other, then writes. */
async function changeOne(
  tools: ChangeTools,
  plan: Plan,
  words: string,
  run: Run,
  approval: (Approval & { readonly claim: () => Promise<boolean> }) | undefined,
): Promise<Section> {
  const { rules, plane } = tools
  const { environment, command } = plan
  const right = refusalOfPerson(tools, environment, run)
  if (right !== undefined) return refused(environment, [right])
  const widens = isWidening(plan.before, plan.after)
  const missing = refusalOfReason(plane, environment, command, widens)
  const refusal = missing ?? refusalOfMoves(plan)
  if (refusal !== undefined) return refused(environment, [refusal])
  const needsSecond = approval === undefined && widens && rules.twoPerson.includes(environment)
  const passedOver: string[] = []
  // Approval comes later, and the state of production is checked then.
  const obstacles = needsSecond || !isChecked(environment, widens) ? [] : await productionStands(tools, plan, run)
  const quick = [...obstacles, ...(await quickRefusals(tools, plan, undefined))]
  for (const { rule, why } of quick) {
    if (!command.overrides.includes(rule)) return refused(environment, [why, `to pass over it: ${SWITCH[rule]}`])
    passedOver.push(`${rule}: ${why}`)
  }
  if (needsSecond) return proposed(tools, plan, words, run)
  if (approval !== undefined && !(await approval.claim())) {
    return refused(environment, ['somebody else has decided the proposal, or it has expired'])
  }
  const outcome = await write(tools, plan, run, approval, passedOver)
  return sectionOf(plane, plan, outcome, passedOver)
}

/** The result of a dry run: what would move, and what currently blocks it. Nothing waits. */
async function rehearse(
  tools: ChangeTools,
  plan: Plan,
  run: Run,
  assumed: ReadonlyMap<Environment, FlagState>,
): Promise<Section> {
  const { environment, before, after, command } = plan
  const widens = isWidening(before, after)
  const right = refusalOfPerson(tools, environment, run)
  const missing = refusalOfReason(tools.plane, environment, command, widens)
  const obstacles = isChecked(environment, widens) ? await obstaclesNow(tools, environment) : []
  const stands = [
    ...obstacles.map(({ what }) => ({ rule: 'production_check' as const, why: what })),
    ...(await quickRefusals(tools, plan, assumed)),
  ]
  const lines = [
    `now: ${namedStateInWords(tools.plane.feed.view, before)}`,
    `then: ${namedStateInWords(tools.plane.feed.view, after)}`,
    ...plan.notes,
    ...rehearsalInWords(command.flag, plan.moves),
    ...warningLines(plan),
    ...(right === undefined ? [] : [`would be refused: ${right}`]),
    ...[missing, refusalOfMoves(plan)].flatMap((why) => (why === undefined ? [] : [`would be refused: ${why}`])),
    ...stands.map(({ rule, why }) => `would be ${command.overrides.includes(rule) ? 'overridden' : 'refused'}: ${why}`),
    ...(widens && tools.rules.twoPerson.includes(environment) ? ['a second person would have to approve it'] : []),
  ]
  return { heading: headingOf(environment, 'dry run, nothing is changed'), tone: 'info', lines }
}

async function proposed({ plane, rules }: ChangeTools, plan: Plan, words: string, run: Run): Promise<Section> {
  const { environment, command, version } = plan
  const one: ChangeCommand = { ...command, environments: [environment] }
  const { id, expires_at } = await propose(
    plane.store,
    {
      ...{ environment, flag: command.flag, command: one, words, flag_version: version },
      proposed_by: run.person.name,
    },
    rules.proposalMs,
  )
  const lines = [
    `now: ${namedStateInWords(plane.feed.view, plan.before)}`,
    `then: ${namedStateInWords(plane.feed.view, plan.after)}`,
    ...plan.notes,
    ...warningLines(plan),
    `another person carries it out with: feature approve ${id} (until ${expires_at.toISOString()})`,
  ]
  return { heading: headingOf(environment, `waits for a second person as proposal ${id}`), tone: 'waiting', lines }
}

async function write(
  { plane }: ChangeTools,
  plan: Plan,
  run: Run,
  approval: Approval | undefined,
  passedOver: readonly string[],
): Promise<FlagOutcome> {
  const { environment, command, changes, version } = plan
  const { flag } = command
  const { name: by, role, door, from } = run.person
  const cause: Cause = {
    ...{ by, role, door, from },
    correlation_id: run.correlationId,
    reason: command.reason,
    change_issue_url: command.changeIssue,
    proposed_by: approval?.proposedBy,
    overrides: passedOver.length > 0 ? passedOver : undefined,
  }
  const target = { environment, name: flag, ifVersion: version, cause }
  const outcome =
    command.kind === 'feature_set'
      ? await changeFlag(plane.store, plane.definitions, target, changes)
      : await deleteFlag(plane.store, target)
  // A committed change is reported as done, even if the database becomes unavailable right after it.
  await plane.feed.catchUp().catch((error: unknown) => {
    plane.log.warn({ err: error, correlation_id: run.correlationId }, 'a change is made, and not yet seen here')
  })
  const action = command.kind === 'feature_set' ? 'set' : 'remove'
  logFlagChange(plane, action, target, outcome, { changes })
  return outcome
}

function sectionOf(
  plane: ChangeTools['plane'],
  plan: Plan,
  outcome: FlagOutcome,
  passedOver: readonly string[],
): Section {
  const { environment, command } = plan
  const isSet = command.kind === 'feature_set'
  const words = (state: FlagState) => namedStateInWords(plane.feed.view, state)
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
      throw new Error(`a command of chatops cannot end as ${outcome.kind}`)
    case 'unchanged':
    case 'written': {
      const lines = [
        `${command.flag}: ${words(outcome.after ?? defaultState(plane.definitions, environment, command.flag))}`,
        ...(outcome.kind === 'written'
          ? [`before: ${words(plan.before)}`, ...plan.notes, ...movesInWords(plan.moves), ...warningLines(plan)]
          : []),
        ...passedOver.map((rule) => `overrode ${rule}`),
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
