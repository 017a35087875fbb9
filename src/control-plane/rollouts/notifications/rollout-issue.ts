import { z } from 'zod'
import type { FlagDefinition } from '../../../flags/index.ts'
import {
  type IssueFacts,
  newIssue,
  type ReportedEvent,
  type ReportedRollout,
  updatedIssue,
} from '../../../rollouts/index.ts'
import { type Channel, callReceiver, type Delivery } from './channel.ts'

/** What the issue of a rollout is written from. */
export interface IssueSource {
  readonly rollout: ReportedRollout
  /** In order. */
  readonly events: readonly ReportedEvent[]
  readonly definition: FlagDefinition | undefined
  /** Of the plan, where it says something about its issue. */
  readonly plan: {
    readonly rolloutIssueUrl: string | undefined
    readonly responsible: string | undefined
    readonly milestone: string | undefined
  }
  readonly changeIssueUrl: string | undefined
  readonly checklist: IssueFacts['checklist']
}

/** Where rollout issues are. */
export interface IssueTracker {
  readonly token: string
  /** The API address of an issue; undefined for one that does not belong to this GitLab. */
  readonly apiOf: (url: string) => string | undefined
}

/** The rollout issues: as Markdown, and the part that is kept current in GitLab. */
export interface RolloutIssues {
  /** A new issue; `url` is where it is kept current, null without such a place. */
  text(id: number): Promise<{ readonly markdown: string; readonly url: string | null } | undefined>
  /** Brings the issue in GitLab up to date; `none` for a rollout that is gone or has no issue there. */
  update(id: number): Promise<Delivery | { readonly kind: 'none' }>
}

const issueSchema = z.object({ description: z.string().nullable() })

/** Reads sources by the id of their rollout; without `tracker`, nothing is kept current. */
export function createRolloutIssues(
  source: (id: number) => Promise<IssueSource | undefined>,
  tracker: IssueTracker | undefined,
): RolloutIssues {
  const addressOf = ({ plan, definition }: IssueSource) => {
    const url = plan.rolloutIssueUrl ?? definition?.rollout_issue_url ?? undefined
    const api = url === undefined ? undefined : tracker?.apiOf(url)
    return url === undefined || api === undefined ? undefined : { url, api }
  }
  return {
    async text(id) {
      const found = await source(id)
      if (found === undefined) return undefined
      const { rollout, events } = found
      return { markdown: newIssue(rollout, events, factsOf(found)), url: addressOf(found)?.url ?? null }
    },
    async update(id) {
      const found = await source(id)
      const address = found && addressOf(found)
      if (found === undefined || address === undefined || tracker === undefined) return { kind: 'none' }
      const headers = { 'private-token': tracker.token }
      const read = await callReceiver({ method: 'GET', url: address.api, headers })
      if ('kind' in read) return read
      const issue = issueSchema.safeParse(read.answer.json)
      if (!issue.success) return { kind: 'failed', why: 'the response is not an issue' }
      const before = issue.data.description ?? ''
      const description = updatedIssue(before, found.rollout, found.events, factsOf(found))
      if (description === before) return { kind: 'delivered' }
      const written = await callReceiver({ method: 'PUT', url: address.api, headers, json: { description } })
      return 'kind' in written ? written : { kind: 'delivered' }
    },
  }
}

/** Keeps the issues current, like a channel that receives each event. */
export function issueChannel(issues: RolloutIssues): Channel {
  return {
    name: 'issue',
    async send({ notice }) {
      const outcome = await issues.update(notice.rollout.id)
      return outcome.kind === 'none' ? { kind: 'delivered' } : outcome
    },
  }
}

function factsOf({ definition, plan, changeIssueUrl, checklist }: IssueSource): IssueFacts {
  return {
    group: definition?.group,
    responsible: plan.responsible,
    introducedByUrl: definition?.introduced_by_url,
    featureIssueUrl: definition?.feature_issue_url ?? undefined,
    changeIssueUrl,
    milestone: plan.milestone ?? definition?.milestone ?? undefined,
    checklist,
  }
}
