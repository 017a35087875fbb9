import { z } from 'zod'
import { escapeForSlack } from '../../chatops/index.ts'
import type { Definitions } from '../../flags/index.ts'
import type { CallAnswer } from '../../http/index.ts'
import type { Progress, SideEffectAdapter, Step } from './adapter.ts'
import { findRecord } from './find-record.ts'
import { changeForTesters, changeInWords, type FlagEvent, valueInWords } from './flag-event.ts'
import { issueApiOf, projectUrl } from './gitlab-addresses.ts'
import { type OnFailedTests, pipelineAdapter } from './pipeline-adapter.ts'
import { recordOf } from './record.ts'
import { environmentName, type SideEffectGitLab, type SideEffectSettings } from './settings.ts'

const DONE: Step = { kind: 'done' }
const issueSchema = z.object({ iid: z.int().positive(), web_url: z.string() })

/** The adapters that the settings configure; `onFailedTests` is called when end-to-end tests of a change have failed. */
export function adaptersOf(
  settings: SideEffectSettings,
  definitions: Definitions,
  onFailedTests: OnFailedTests,
): SideEffectAdapter[] {
  const { grafana, events, gitlab, qaChannels } = settings
  const adapters: SideEffectAdapter[] = []
  if (grafana) adapters.push(annotation(grafana))
  if (events) adapters.push(eventPost(events))
  if (gitlab?.recordProject !== undefined) adapters.push(recordIssue(gitlab, gitlab.recordProject, definitions))
  if (Object.keys(qaChannels).length > 0) adapters.push(qaMessage(settings))
  if (gitlab?.pipeline) {
    adapters.push(pipelineAdapter({ ...settings, gitlab, pipeline: gitlab.pipeline, definitions, onFailedTests }))
  }
  return adapters
}

/** An annotation on Grafana's dashboards (`POST /api/annotations`). */
function annotation({ url, token }: NonNullable<SideEffectSettings['grafana']>): SideEffectAdapter {
  return {
    kind: 'annotation',
    concerns: () => true,
    next: (event, progress) => {
      if (progress['posted']) return DONE
      return {
        kind: 'call',
        method: 'POST',
        url: `${url}/api/annotations`,
        headers: { authorization: `Bearer ${token}` },
        json: {
          tags: [event.environment, event.kind === 'brake' ? 'brake' : 'feature-flag', event.name],
          text: sentenceOf(event),
        },
        onAnswer: posted,
      }
    },
  }
}

/** The event itself, for a system that keeps a log of events; `id` identifies a repetition. */
function eventPost({ url, token }: NonNullable<SideEffectSettings['events']>): SideEffectAdapter {
  return {
    kind: 'event',
    concerns: () => true,
    next: (event, progress, id) => {
      if (progress['posted']) return DONE
      const { value, share, actors } = changeInWords(event)
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const json = {
        id: `handover-${id}`,
        type: 'feature_flag',
        message: sentenceOf(event),
        value,
        share,
        actors,
        ...event,
      }
      return { kind: 'call', method: 'POST', url, headers, json, onAnswer: posted }
    },
  }
}

/** An issue that is created, closed, and mentioned on the flag's rollout issue. */
function recordIssue(gitlab: SideEffectGitLab, project: string, definitions: Definitions): SideEffectAdapter {
  const headers = { 'private-token': gitlab.token }
  const issues = `${projectUrl(gitlab, project)}/issues`
  return {
    kind: 'record_issue',
    concerns: () => true,
    next: (event, progress) => {
      const definition = definitions.flags.get(event.name)
      const { iid, web_url } = progress
      if (iid === undefined) {
        const record = recordOf(event, definition)
        if (progress['is_begun']) return findRecord(issues, headers, record, (found) => found ?? {})
        const { title, labels, description } = record
        const json = { title, description, labels: labels.join(',') }
        const begun = { is_begun: true }
        return { kind: 'call', method: 'POST', url: issues, headers, json, begun, onAnswer: made }
      }
      if (!progress['closed']) {
        const onAnswer = () => ({ progress: { ...progress, closed: true } })
        return {
          kind: 'call',
          method: 'PUT',
          url: `${issues}/${iid}`,
          headers,
          json: { state_event: 'close' },
          onAnswer,
        }
      }
      const issue = issueApiOf(gitlab, definition?.rollout_issue_url)
      if (progress['noted'] || issue === undefined) return DONE
      const onAnswer = () => ({ progress: { ...progress, noted: true } })
      const json = { body: `${sentenceOf(event)}: ${web_url}` }
      return { kind: 'call', method: 'POST', url: `${issue}/notes`, headers, json, onAnswer }
    },
  }
}

function made(answer: CallAnswer): { progress: Progress } {
  const { iid, web_url } = issueSchema.parse(answer.json)
  return { progress: { iid, web_url } }
}

/** A message in the channel of the people who test that environment. */
function qaMessage(settings: Pick<SideEffectSettings, 'qaChannels' | 'environmentNames'>): SideEffectAdapter {
  const { qaChannels } = settings
  return {
    kind: 'qa_message',
    concerns: ({ environment }) => qaChannels[environment] !== undefined,
    next: (event, progress) => {
      const url = qaChannels[event.environment]
      if (progress['posted'] || url === undefined) return DONE
      const { cause, by } = event
      const { actors } = changeInWords(event)
      const lines = [
        changeForTesters(event, environmentName(settings, event.environment)),
        ...(actors.length === 0 ? [] : [`for ${actors.join(', ')}`]),
        `by ${by}`,
        ...[cause?.reason, cause?.change_issue_url].filter((text) => text !== undefined),
      ]
      return { kind: 'call', method: 'POST', url, json: { text: escapeForSlack(lines.join('\n')) }, onAnswer: posted }
    },
  }
}

function posted(): { progress: Progress } {
  return { progress: { posted: true } }
}

function sentenceOf(event: FlagEvent): string {
  const change = changeInWords(event)
  const { actors } = change
  const value = valueInWords(change)
  const whom = actors.length === 0 ? '' : ` of ${actors.join(', ')}`
  return event.kind === 'brake'
    ? `${event.by} set the brake to ${value}`
    : `${event.by} set feature flag ${event.name} to ${value}${whom}`
}
