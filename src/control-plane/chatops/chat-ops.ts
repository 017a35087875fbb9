import type { Counter } from 'prom-client'
import { applicationInWords } from '../../applications/index.ts'
import {
  type ChatAnswer,
  type Command,
  headingOf,
  helpLines,
  outcomeOf,
  parseCommand,
  refusal,
  type Section,
  slackMessage,
} from '../../chatops/index.ts'
import { conditionOf, type Environment } from '../../flags/index.ts'
import { LineBudget } from '../../observability/index.ts'
import { ROUTING_FLAG } from '../../routing/index.ts'
import { faultOfUnknownFlag } from '../flags/feature-request.ts'
import { waitingFor } from '../flags/flag-documents.ts'
import { namedStateInWords } from '../flags/notes.ts'
import type { ApplicationRecord } from '../state/model.ts'
import { ROUTING_FLAGS } from '../state/state-cache.ts'
import { recordEvent } from '../state/store.ts'
import type { AlarmSource } from './checks/production-check.ts'
import type { Run } from './context/principal.ts'
import { deliver } from './delivery.ts'
import type { ChangeTools } from './flag-changes/change-plan.ts'
import { changeApproved, changeEach } from './flag-changes/flag-change.ts'
import { claimProposal, failProposal, openProposal, openProposals } from './flag-changes/proposals.ts'
import { type CommitSource, waitedForOnce } from './releases/commit-source.ts'
import { checkRelease, deployStatus } from './releases/releases.ts'
import { type ChatRollouts, onRollouts } from './rollouts.ts'
import type { ChatOpsSettings } from './settings.ts'

/**
 * The maximum number of refused commands in the audit log, per channel and process: repeated attempts must not fill it.
 */
const REFUSALS_KEPT = { count: 60, seconds: 60 }

/** What ChatOps needs besides its settings. */
export interface ChatOpsParts {
  readonly dependencies: ChangeTools['dependencies']
  readonly alarms: AlarmSource
  readonly sources: readonly CommitSource[]
  readonly commands: Counter<'channel' | 'command' | 'outcome'>
  readonly rollouts: ChatRollouts
}

/** Runs the commands of people, for all channels. */
export class ChatOps {
  readonly settings: ChatOpsSettings
  readonly #tools: ChangeTools
  readonly #sources: readonly CommitSource[]
  readonly #commands: ChatOpsParts['commands']
  readonly #rollouts: ChatRollouts
  readonly #refusals: LineBudget
  readonly #stop = new AbortController()
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(settings: ChatOpsSettings, { dependencies, alarms, sources, commands, rollouts }: ChatOpsParts) {
    this.settings = settings
    this.#tools = { dependencies, rules: settings.rules, alarms }
    this.#sources = sources
    this.#commands = commands
    this.#rollouts = rollouts
    this.#refusals = new LineBudget(REFUSALS_KEPT, (left_out, interval_seconds) =>
      dependencies.log.warn({ left_out, interval_seconds }, 'refused commands omitted from the audit log'),
    )
  }

  /** Aborted when the control plane stops: nothing waits from then on. */
  get signal(): AbortSignal {
    return this.#stop.signal
  }

  /** The number of commands and messages in progress. */
  get underWay(): number {
    return this.#underWay.size
  }

  /** Tracks `work` so that the control plane waits for it when it stops; its error goes to the log. */
  inBackground(work: Promise<unknown>): void {
    const watched = work
      .catch((error: unknown) => this.#tools.dependencies.log.error({ err: error }, 'chatops failed'))
      .finally(() => this.#underWay.delete(watched))
    this.#underWay.add(watched)
  }

  /** Parses a text, or answers it at once: with help, or with what is wrong with it. */
  understand(text: string, correlationId: string): { readonly command: Command } | { readonly answer: ChatAnswer } {
    const parsed = parseCommand(text, { isRoutingFlag: (flag) => ROUTING_FLAGS.includes(flag) })
    const shown = text.replaceAll(/\s+/g, ' ').trim().slice(0, 300)
    if ('fault' in parsed) {
      const more = parsed.topic === undefined ? '--help' : `${parsed.topic} --help`
      return { answer: refusal(shown, correlationId, [parsed.fault, `how it is written: ${more}`]) }
    }
    if (parsed.command.kind !== 'help') return parsed
    const sections: Section[] = [{ heading: 'Help', tone: 'info', lines: helpLines(parsed.command.topic) }]
    return { answer: { command: shown, outcome: 'info', sections, correlationId } }
  }

  /** Runs a command; a refusal is part of the answer. Rejects only for faults. */
  async carryOut(command: Command, text: string, run: Run): Promise<ChatAnswer> {
    const words = text.replaceAll(/\s+/g, ' ').trim().slice(0, 1_000)
    const sections = await this.#sections(command, words, run)
    const { correlationId, principal } = run
    const answer: ChatAnswer = { command: words, outcome: outcomeOf(sections), sections, correlationId }
    const fields = {
      correlation_id: correlationId,
      by: principal.name,
      channel: principal.channel,
      command: command.kind,
    }
    this.#tools.dependencies.log.info({ ...fields, outcome: answer.outcome }, 'chatops command')
    this.#commands.inc({ channel: principal.channel, command: command.kind, outcome: answer.outcome })
    const flag = await this.#changedFlag(command)
    if (flag !== undefined) {
      this.#crossPost(flag, answer, run)
      this.#recordRefusal(flag, answer, run)
    }
    return answer
  }

  /** Stops waiting, and resolves when everything in progress has ended. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#refusals.close()
    await Promise.all(this.#underWay)
  }

  async #sections(command: Command, words: string, run: Run): Promise<readonly Section[]> {
    const releases = { dependencies: this.#tools.dependencies, sources: this.#sources.map(waitedForOnce) }
    switch (command.kind) {
      case 'feature_set':
      case 'feature_delete':
        return changeEach(this.#tools, command, words, run)
      case 'feature_get':
        return this.#perEnvironment(command.environments, (environment) => this.#get(environment, command.flag))
      case 'feature_list':
        return this.#perEnvironment(command.environments, (environment) => this.#list(environment, command.match))
      case 'feature_approve':
        return [await this.#approve(command, run)]
      case 'feature_proposals':
        return this.#proposals()
      case 'auto_deploy_status':
        return deployStatus(releases, command.shas)
      case 'release_check':
        return [await checkRelease(releases, command.mergeRequest, command.version)]
      case 'rollout_list':
      case 'rollout_show':
      case 'rollout_act':
      case 'report_problem':
        return onRollouts(this.#rollouts, this.#tools.rules, command, run)
      case 'help':
        return [{ heading: 'Help', tone: 'info', lines: helpLines(command.topic) }]
    }
  }

  async #perEnvironment(
    environments: readonly Environment[],
    read: (environment: Environment) => Section,
  ): Promise<Section[]> {
    await this.#tools.dependencies.feed.catchUp()
    return environments.map(read)
  }

  #get(environment: Environment, flag: string): Section {
    const { cache } = this.#tools.dependencies.feed
    const stored = cache.storedFlags(environment).get(flag)
    const unknown = stored === undefined ? faultOfUnknownFlag(flag, cache.definitions) : undefined
    if (unknown) return { heading: headingOf(environment, 'not found'), tone: 'refused', lines: [unknown.fault] }
    const state = cache.flagState(environment, flag)
    const { on, reason } = cache.brake(environment)
    const lines = [
      `${flag}: ${namedStateInWords(cache, state)}`,
      stored === undefined ? 'never set here, so the default applies' : `version ${stored.version}`,
      ...(flag === ROUTING_FLAG ? waitingInWords(waitingFor(cache, state)) : []),
      ...(on ? [`the brake is on, so no new flow goes to IAM${reason === '' ? '' : ` (${reason})`}`] : []),
    ]
    return { heading: headingOf(environment, conditionOf(state)), tone: 'info', lines }
  }

  #list(environment: Environment, match: string): Section {
    const { cache } = this.#tools.dependencies.feed
    const names = new Set([...cache.definitions.flags.keys(), ...cache.storedFlags(environment).keys()])
    const lines = [...names]
      .filter((name) => name.includes(match))
      .sort()
      .map((name) => {
        const state = cache.flagState(environment, name)
        return `${name}: ${conditionOf(state)} (${namedStateInWords(cache, state)})`
      })
    const tone = 'info'
    return {
      heading: headingOf(environment, `${lines.length} flags`),
      tone,
      lines: lines.length > 0 ? lines : ['none'],
    }
  }

  async #approve(command: Extract<Command, { kind: 'feature_approve' }>, run: Run): Promise<Section> {
    const { store } = this.#tools.dependencies
    const { principal } = run
    const proposal = await openProposal(store, command.proposal)
    const heading = `proposal ${command.proposal}`
    if (proposal === undefined) {
      const lines = ["no proposal of this number waits; 'feature proposals' lists those that do"]
      return { heading: `${heading}: not found`, tone: 'refused', lines }
    }
    if (proposal.proposed_by === principal.name) {
      const lines = ['a second person has to approve it, not the one who proposed it']
      return { heading: `${heading}: refused`, tone: 'refused', lines }
    }
    const overrides = [...new Set([...proposal.command.overrides, ...command.overrides])]
    let isClaimed = false
    const approval = {
      proposedBy: proposal.proposed_by,
      flagVersion: proposal.flag_version,
      claim: async () => {
        isClaimed = await claimProposal(store, proposal.id, principal.name)
        return isClaimed
      },
    }
    const section = await changeApproved(this.#tools, { ...proposal.command, overrides }, approval, run)
    if (isClaimed && section.tone === 'refused') await failProposal(store, proposal.id)
    return {
      ...section,
      lines: [...section.lines, `proposed by ${proposal.proposed_by}, approved by ${principal.name}`],
    }
  }

  async #proposals(): Promise<Section[]> {
    const open = await openProposals(this.#tools.dependencies.store)
    if (open.length === 0) return [{ heading: 'No proposal waits', tone: 'info', lines: [] }]
    return open.map(({ id, environment, words, proposed_by, expires_at }) => ({
      heading: `proposal ${id} for ${environment}`,
      tone: 'waiting',
      lines: [words, `by ${proposed_by}, until ${expires_at.toISOString()}`],
    }))
  }

  /** The flag that a command was to change permanently, so that its team is notified. */
  async #changedFlag(command: Command): Promise<string | undefined> {
    if (command.kind === 'feature_set' || command.kind === 'feature_delete') {
      return command.isDryRun ? undefined : command.flag
    }
    if (command.kind === 'rollout_act') return (await this.#rollouts.rollouts.read(command.rollout))?.plan.flag
    if (command.kind !== 'feature_approve') return undefined
    const { database, schema } = this.#tools.dependencies.store
    const [row] = await database.query<{ flag: string }>(`select flag from ${schema}.proposals where id = $1`, [
      command.proposal,
    ])
    return row?.flag
  }

  /** Records a change that the rules refused in the audit log, so that an attempt leaves a trace. */
  #recordRefusal(flag: string, answer: ChatAnswer, { principal, correlationId }: Run): void {
    const refused = answer.sections.filter(({ tone }) => tone === 'refused')
    if (refused.length === 0 || !this.#refusals.admit(principal.channel)) return
    const { name: by, role, channel, from } = principal
    const recorded = recordEvent(this.#tools.dependencies.store, {
      context: { by, role, channel, from, correlation_id: correlationId },
      action: 'change.refused',
      environment: null,
      subject: flag,
      before: null,
      after: null,
      details: { refused: refused.map(({ heading, lines }) => [heading, ...lines].join('; ')) },
    })
    this.inBackground(recorded)
  }

  #crossPost(flag: string, answer: ChatAnswer, { principal, correlationId }: Run): void {
    const group = this.#tools.dependencies.definitions.flags.get(flag)?.group
    const { log } = this.#tools.dependencies
    for (const team of this.settings.teams) {
      if (team.group !== group) continue
      const message = slackMessage(answer, principal.name)
      const post = deliver(team.webhook, message, this.signal).then((delivery) => {
        if (delivery.kind === 'delivered') return
        log.warn({ group, why: delivery.why, correlation_id: correlationId }, 'chatops: team notification failed')
      })
      this.inBackground(post)
    }
  }
}

const MOST_NAMED = 5

/** Which applications IAM does not hold yet, so that the flag does not move them. */
function waitingInWords(waiting: readonly ApplicationRecord[]): string[] {
  if (waiting.length === 0) return []
  const named = waiting.slice(0, MOST_NAMED).map(applicationInWords)
  const more = waiting.length > MOST_NAMED ? ` and ${waiting.length - MOST_NAMED} more` : ''
  return [`not at IAM in their current version, so they stay on the monolith: ${named.join(', ')}${more}`]
}
