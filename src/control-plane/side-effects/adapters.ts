import { z } from 'zod'
import { escapeForSlack } from '../../chatops/index.ts'
import type { Definitions } from '../../flags/index.ts'
import type { CallAnswer } from '../../http/index.ts'
import type { Progress, SideEffectAdapter, Step } from './adapter.ts'
import { findRecord } from './find-record.ts'
import { changeInWords, type FlagEvent, leavesSomethingOn, valueInWords } from './flag-event.ts'
import { MAY_HAVE_RUN } from './outbox.ts'
import { recordOf } from './record.ts'
import type { SideEffectGitLab, SideEffectPipeline, SideEffectSettings } from './settings.ts'

const DONE: Step = { kind: 'done' }
const issueSchema = z.object({ iid: z.int().positive(), web_url: z.string() })
const pipelineSchema = z.object({ id: z.int().positive(), web_url: z.string(), status: z.string() })
/** The final states of a pipeline. */
const FINAL = /^(success|failed|canceled|skipped)$/

/** The adapters that the settings configure. */
export function adaptersOf(settings: SideEffectSettings, definitions: Definitions): SideEffectAdapter[] {
  const { grafana, events, gitlab, qaChannels } = settings
  const adapters: SideEffectAdapter[] = []
  if (grafana) adapters.push(annotation(grafana))
  if (events) adapters.push(eventPost(events))
  if (gitlab?.recordProject !== undefined) adapters.push(recordIssue(gitlab, gitlab.recordProject, definitions))
  if (Object.keys(qaChannels).length > 0) adapters.push(qaMessage(qaChannels))
  if (gitlab?.pipeline) adapters.push(pipeline(gitlab, gitlab.pipeline, qaChannels, definitions))
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
      const notes = rolloutNotes(gitlab, definition?.rollout_issue_url)
      if (progress['noted'] || notes === undefined) return DONE
      const onAnswer = () => ({ progress: { ...progress, noted: true } })
      const json = { body: `${sentenceOf(event)}: ${web_url}` }
      return { kind: 'call', method: 'POST', url: notes, headers, json, onAnswer }
    },
  }
}

function made(answer: CallAnswer): { progress: Progress } {
  const { iid, web_url } = issueSchema.parse(answer.json)
  return { progress: { iid, web_url } }
}

/** A message in the channel of the people who test that environment. */
function qaMessage(channels: SideEffectSettings['qaChannels']): SideEffectAdapter {
  return {
    kind: 'qa_message',
    concerns: ({ environment }) => channels[environment] !== undefined,
    next: (event, progress) => {
      const url = channels[event.environment]
      if (progress['posted'] || url === undefined) return DONE
      const { cause } = event
      const more = [cause?.reason, cause?.change_issue_url].filter((text) => text !== undefined)
      const text = escapeForSlack([`${sentenceOf(event)} on ${event.environment}`, ...more].join('\n'))
      return { kind: 'call', method: 'POST', url, json: { text }, onAnswer: posted }
    },
  }
}

/**
 * The end-to-end tests: triggers them, waits, and reports the result in the channel, on the record and on the rollout
 * issue.
 */
function pipeline(
  gitlab: SideEffectGitLab,
  settings: SideEffectPipeline,
  channels: SideEffectSettings['qaChannels'],
  definitions: Definitions,
): SideEffectAdapter {
  const headers = { 'private-token': gitlab.token }
  const project = projectUrl(gitlab, settings.project)
  return {
    kind: 'pipeline',
    concerns: (event) => {
      const { kind, environment } = event
      if (kind !== 'flag' || !/^(staging|production)$/.test(environment) || !leavesSomethingOn(event)) return false
      return settings.forApplications || changeInWords(event).actors.length === 0
    },
    next: (event, progress) => {
      const { pipeline_id, web_url, status } = progress
      const name = `End-to-end tests of '${event.name}' on ${event.environment}`
      if (pipeline_id === undefined) {
        if (progress[MAY_HAVE_RUN]) {
          return { kind: 'give_up', why: 'it is not known whether it was started: check, then retry or drop it' }
        }
        const variables = {
          feature_toggled: event.name,
          feature_value: changeInWords(event).value,
          feature_environment: event.environment,
          gitlab_username: event.by,
        }
        const json = { token: settings.triggerToken, ref: settings.ref, variables }
        const begun = { [MAY_HAVE_RUN]: true }
        const url = `${project}/trigger/pipeline`
        return { kind: 'call', method: 'POST', url, json, begun, onAnswer: triggered(settings) }
      }
      const isFinal = FINAL.test(String(status))
      if (!isFinal && Number(progress['polls']) * settings.pollMs < settings.waitMs) {
        const onAnswer = polled(progress, settings)
        return { kind: 'call', method: 'GET', url: `${project}/pipelines/${pipeline_id}`, headers, onAnswer }
      }
      const result = isFinal ? String(status) : `not finished after ${Math.round(settings.waitMs / 60_000)} minutes`
      const channel = channels[event.environment]
      if (!progress['told'] && channel !== undefined) {
        const onAnswer = () => ({ progress: { ...progress, told: true } })
        return {
          kind: 'call',
          method: 'POST',
          url: channel,
          json: { text: escapeForSlack(`${name}: ${result} ${web_url}`) },
          onAnswer,
        }
      }
      const definition = definitions.flags.get(event.name)
      const note = (url: string, done: Progress): Step => {
        const onAnswer = () => ({ progress: { ...progress, ...done } })
        return { kind: 'call', method: 'POST', url, headers, json: { body: `${name}: ${result} ${web_url}` }, onAnswer }
      }
      if (gitlab.recordProject !== undefined && !progress['recorded']) {
        const issues = `${projectUrl(gitlab, gitlab.recordProject)}/issues`
        const { record_iid } = progress
        if (record_iid !== undefined) return note(`${issues}/${record_iid}/notes`, { recorded: true })
        return findRecord(issues, headers, recordOf(event, definition), (found) => {
          return { ...progress, ...(found === undefined ? { recorded: true } : { record_iid: found.iid }) }
        })
      }
      const notes = rolloutNotes(gitlab, definition?.rollout_issue_url)
      return progress['noted'] || notes === undefined ? DONE : note(notes, { noted: true })
    },
  }
}

function triggered({ pollMs }: SideEffectPipeline) {
  return (answer: CallAnswer) => {
    const { id, web_url, status } = pipelineSchema.parse(answer.json)
    return { progress: { pipeline_id: id, web_url, status, polls: 0 }, waitMs: pollMs }
  }
}

function polled(progress: Progress, { pollMs }: SideEffectPipeline) {
  return (answer: CallAnswer) => {
    const { status } = pipelineSchema.parse(answer.json)
    const next = { ...progress, status, polls: Number(progress['polls']) + 1 }
    return FINAL.test(status) ? { progress: next } : { progress: next, waitMs: pollMs }
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

function projectUrl({ url }: SideEffectGitLab, project: string): string {
  return `${url}/api/v4/projects/${encodeURIComponent(project)}`
}

/**
 * Where notes of a rollout issue are created, if it belongs to this GitLab: both `…/-/issues/1` and `…/-/work_items/1`.
 */
function rolloutNotes(gitlab: SideEffectGitLab, address: string | null | undefined): string | undefined {
  if (!address?.startsWith(`${gitlab.url}/`)) return undefined
  const [, project, iid] =
    /^\/([^?#]+?)\/-\/(?:issues|work_items)\/(\d+)(?:[?#]|$)/.exec(address.slice(gitlab.url.length)) ?? []
  if (project === undefined) return undefined
  return `${projectUrl(gitlab, decodeURIComponent(project))}/issues/${iid}/notes`
}
