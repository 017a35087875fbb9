import { type Block, type Line, type Page, pageAsMarkdown } from './page.ts'
import { stateBlocks, timelineOf } from './report.ts'
import type { ReportedEvent, ReportedRollout } from './reported.ts'

/** What a rollout issue says besides the rollout itself. */
export interface IssueFacts {
  /** The group that owns the flag. */
  readonly group: string | undefined
  readonly responsible: string | undefined
  readonly introducedByUrl: string | undefined
  readonly featureIssueUrl: string | undefined
  readonly changeIssueUrl: string | undefined
  readonly milestone: string | undefined
  /** What was checked, and what people ticked. */
  readonly checklist: ReadonlyArray<{ readonly line: string; readonly isDone: boolean }>
}

const MOST_EVENTS = 40

const begin = (id: number) => `<!-- handover rollout ${id}: this part is rewritten by Handover -->`
const end = (id: number) => `<!-- handover rollout ${id}: end -->`

/**
 * A new rollout issue as Markdown, with the sections of GitLab's template for feature flags: people write and tick
 * everything outside the part that Handover keeps current.
 */
export function newIssue(rollout: ReportedRollout, events: readonly ReportedEvent[], facts: IssueFacts): string {
  return `${pageAsMarkdown(templateOf(rollout, facts))}\n${keptPart(rollout, events, facts)}`
}

/**
 * A description with its part brought up to date. Everything else stays byte for byte; without an intact part, a new one
 * is appended.
 */
export function updatedIssue(
  description: string,
  rollout: ReportedRollout,
  events: readonly ReportedEvent[],
  facts: IssueFacts,
): string {
  const part = keptPart(rollout, events, facts)
  const from = description.lastIndexOf(begin(rollout.id))
  const to = from < 0 ? -1 : description.indexOf(end(rollout.id), from)
  if (to < 0) return `${description.replace(/\s+$/, '')}${description.trim() === '' ? '' : '\n\n'}${part}`
  return description.slice(0, from) + part.trimEnd() + description.slice(to + end(rollout.id).length)
}

function keptPart(rollout: ReportedRollout, events: readonly ReportedEvent[], { checklist }: IssueFacts): string {
  const shown = events.slice(-MOST_EVENTS)
  const left = events.length - shown.length
  const page: Page = [
    { kind: 'heading', level: 2, text: `Progress of rollout ${rollout.name}` },
    {
      kind: 'paragraph',
      line: `${rollout.state} on ${rollout.environment}, step ${rollout.step} of ${rollout.steps.length}`,
    },
    ...stateBlocks(rollout, 3),
    ...(checklist.length === 0 ? [] : [heading(3, 'Checks'), { kind: 'tasks', items: checklist } satisfies Block]),
    heading(3, 'Timeline'),
    ...(left > 0 ? [{ kind: 'paragraph', line: `The first ${left} events are left out.` } satisfies Block] : []),
    timelineOf(shown),
  ]
  return `${begin(rollout.id)}\n\n${pageAsMarkdown(page)}\n${end(rollout.id)}\n`
}

const BEFORE_PRODUCTION = '--dev --pre --staging --staging-ref'
const chatops = (text: string): Line => [{ code: `/chatops gitlab run ${text}` }]
const withText = (text: string, command: string): Line => [`${text} `, { code: command }]

function templateOf(rollout: ReportedRollout, facts: IssueFacts): Page {
  return [...introductionOf(rollout, facts), ...rolloutTasks(rollout, facts), ...endingTasks(rollout, facts)]
}

function introductionOf({ name, flag, environment }: ReportedRollout, facts: IssueFacts): Page {
  return [
    heading(2, 'Summary'),
    paragraph(`Rolls out the feature flag ${flag} on ${environment} with the plan ${name}.`),
    heading(2, 'Owners'),
    list([`Team: ${facts.group ?? 'to be named'}`, `Responsible: ${facts.responsible ?? 'to be named'}`]),
    heading(2, 'Expectations'),
    heading(3, 'What happens while the flag is on'),
    paragraph(
      'New OAuth flows of the moved applications are served by the IAM auth service. Users see the same pages.',
    ),
    heading(3, 'What can go wrong, and how it is detected'),
    list([
      'An application is refused by IAM: its failure guard takes it back after a few outcomes.',
      'Sign-ins are begun and not completed: the completion guard holds the rollout.',
      'IAM is down or slow: new flows fall back to the monolith, and the rollout is held.',
      ['A customer reports a problem: ', { code: "handover report-problem --oauth-application=<id> --reason '…'" }],
    ]),
  ]
}

function rolloutTasks({ id, flag, steps }: ReportedRollout, facts: IssueFacts): Page {
  return [
    heading(2, 'Rollout on environments before production'),
    tasks([
      withText('The commit is deployed:', '/chatops gitlab run auto_deploy status <sha>'),
      chatops(`feature set ${flag} 50 --actors ${BEFORE_PRODUCTION}`),
      'Error rates did not increase.',
      chatops(`feature set ${flag} true ${BEFORE_PRODUCTION}`),
      withText('The feature works on staging:', 'handover probe --oauth-application=<id>'),
      'If end-to-end tests fail, the flag is off on staging again.',
    ]),
    heading(2, 'Specific applications on production'),
    tasks([
      'The change is deployed to production and to its canary.',
      chatops(`feature set --oauth-application=<id> ${flag} true`),
      'The applications work.',
    ]),
    heading(2, 'Preparation before the global rollout'),
    tasks([
      `A milestone is set${facts.milestone === undefined ? '' : `: ${facts.milestone}`}.`,
      `A change issue is open${facts.changeIssueUrl === undefined ? '' : `: ${facts.changeIssueUrl}`}.`,
      withText('A person is available for two hours:', `handover rollout acknowledge ${id}`),
      'The documentation is up to date.',
      'Breaking changes are announced.',
      'Support is informed.',
    ]),
    heading(2, 'Global rollout on production'),
    tasks([
      ...steps.map(({ number, moves }): Line => `Step ${number}: ${moves}`),
      withText('Progress:', `handover rollout watch ${id}`),
      'At least one day has passed at 100 %.',
    ]),
  ]
}

function endingTasks({ id, flag }: ReportedRollout, facts: IssueFacts): Page {
  return [
    heading(2, 'Release'),
    tasks([
      `The references to the flag and its definition are removed${facts.introducedByUrl === undefined ? '' : ` (introduced by ${facts.introducedByUrl})`}.`,
      chatops('release check <merge-request-url> <milestone>'),
      `The feature issue is closed${facts.featureIssueUrl === undefined ? '' : `: ${facts.featureIssueUrl}`}.`,
      chatops(`feature delete ${flag} ${BEFORE_PRODUCTION} --production`),
      'This issue is closed.',
    ]),
    heading(2, 'Rollback'),
    tasks([
      withText('This rollout only, back to a step:', `handover rollout back ${id} --to-step=0 --reason '…'`),
      chatops(`feature set ${flag} false`),
      chatops(`feature set ${flag} false ${BEFORE_PRODUCTION}`),
      chatops(`feature delete ${flag} ${BEFORE_PRODUCTION} --production`),
    ]),
  ]
}

function heading(level: 2 | 3, text: string): Block {
  return { kind: 'heading', level, text }
}

function paragraph(line: string): Block {
  return { kind: 'paragraph', line }
}

function list(items: readonly Line[]): Block {
  return { kind: 'list', items }
}

function tasks(lines: readonly Line[]): Block {
  return { kind: 'tasks', items: lines.map((line) => ({ line, isDone: false })) }
}
