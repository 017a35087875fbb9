import { z } from 'zod'
import { escapeForSlack } from '../../chatops/index.ts'
import type { Definitions } from '../../flags/index.ts'
import type { CallAnswer } from '../../http/index.ts'
import type { Progress, SideEffectAdapter, Step } from './adapter.ts'
import { findRecord } from './find-record.ts'
import { changeInWords, type FlagEvent, leavesSomethingOn } from './flag-event.ts'
import { issueApiOf, projectUrl } from './gitlab-addresses.ts'
import { MAY_HAVE_RUN } from './outbox.ts'
import { recordOf } from './record.ts'
import { environmentName, type SideEffectGitLab, type SideEffectPipeline, type SideEffectSettings } from './settings.ts'

/** Called when end-to-end tests of a change have failed, at least once; `url` is the page of the pipeline. */
export type OnFailedTests = (event: FlagEvent, url: string) => Promise<void>

/** What the adapter depends on. */
interface PipelineParts extends Pick<SideEffectSettings, 'qaChannels' | 'environmentNames'> {
  readonly gitlab: SideEffectGitLab
  readonly pipeline: SideEffectPipeline
  readonly definitions: Definitions
  readonly onFailedTests: OnFailedTests
}

const DONE: Step = { kind: 'done' }
const pipelineSchema = z.object({ id: z.int().positive(), web_url: z.string(), status: z.string() })
/** The final states of a pipeline. */
const FINAL = /^(success|failed|canceled|skipped)$/
const FAILED = /^(failed|canceled)$/

/**
 * The end-to-end tests: triggers them, waits, acts on a failure, and reports the result in the channel, on the record and
 * on the rollout issue.
 */
export function pipelineAdapter(parts: PipelineParts): SideEffectAdapter {
  const { gitlab, pipeline, qaChannels, onFailedTests } = parts
  return {
    kind: 'pipeline',
    concerns: (event) => {
      const isTested = event.kind === 'flag' && pipeline.environments.includes(event.environment)
      if (!isTested || !leavesSomethingOn(event)) return false
      return pipeline.forApplications || changeInWords(event).actors.length === 0
    },
    next: (event, progress) => {
      const { pipeline_id, web_url, status } = progress
      if (pipeline_id === undefined) return trigger(parts, event, progress)
      const channel = qaChannels[event.environment]
      if (!progress['announced'] && channel !== undefined) {
        const text = `This pipeline was triggered due to toggling of ${event.name} feature flag: ${web_url}`
        return post(channel, text, { ...progress, announced: true })
      }
      const isFinal = FINAL.test(String(status))
      if (!isFinal && Number(progress['polls']) * pipeline.pollMs < pipeline.waitMs) {
        const url = `${projectUrl(gitlab, pipeline.project)}/pipelines/${pipeline_id}`
        const headers = { 'private-token': gitlab.token }
        return { kind: 'call', method: 'GET', url, headers, onAnswer: polled(progress, pipeline) }
      }
      if (FAILED.test(String(status)) && !progress['acted']) {
        return {
          kind: 'act',
          act: async () => {
            await onFailedTests(event, String(web_url))
            return { ...progress, acted: true }
          },
        }
      }
      const result = isFinal ? String(status) : `not finished after ${Math.round(pipeline.waitMs / 60_000)} minutes`
      const name = `End-to-end tests of '${event.name}' on ${environmentName(parts, event.environment)}`
      return tell(parts, event, progress, `${name}: ${result} ${web_url}`)
    },
  }
}

function trigger({ gitlab, pipeline }: PipelineParts, event: FlagEvent, progress: Progress): Step {
  if (progress[MAY_HAVE_RUN]) {
    return { kind: 'give_up', why: 'it is not known whether it was started: check, then retry or drop it' }
  }
  const variables = {
    feature_toggled: event.name,
    feature_value: changeInWords(event).value,
    feature_environment: event.environment,
    gitlab_username: event.by,
  }
  const json = { token: pipeline.triggerToken, ref: pipeline.ref, variables }
  const url = `${projectUrl(gitlab, pipeline.project)}/trigger/pipeline`
  return { kind: 'call', method: 'POST', url, json, begun: { [MAY_HAVE_RUN]: true }, onAnswer: triggered(pipeline) }
}

/** Reports the result: in the channel, on the record of the change, on the rollout issue. */
function tell(
  { gitlab, qaChannels, definitions }: PipelineParts,
  event: FlagEvent,
  progress: Progress,
  said: string,
): Step {
  const channel = qaChannels[event.environment]
  if (!progress['told'] && channel !== undefined) return post(channel, said, { ...progress, told: true })
  const headers = { 'private-token': gitlab.token }
  const definition = definitions.flags.get(event.name)
  const note = (issue: string, done: Progress): Step => {
    const onAnswer = () => ({ progress: { ...progress, ...done } })
    return { kind: 'call', method: 'POST', url: `${issue}/notes`, headers, json: { body: said }, onAnswer }
  }
  if (gitlab.recordProject !== undefined && !progress['recorded']) {
    const issues = `${projectUrl(gitlab, gitlab.recordProject)}/issues`
    const { record_iid } = progress
    if (record_iid !== undefined) return note(`${issues}/${record_iid}`, { recorded: true })
    return findRecord(issues, headers, recordOf(event, definition), (found) => {
      return { ...progress, ...(found === undefined ? { recorded: true } : { record_iid: found.iid }) }
    })
  }
  const issue = issueApiOf(gitlab, definition?.rollout_issue_url)
  return progress['noted'] || issue === undefined ? DONE : note(issue, { noted: true })
}

function post(url: string, text: string, progress: Progress): Step {
  return { kind: 'call', method: 'POST', url, json: { text: escapeForSlack(text) }, onAnswer: () => ({ progress }) }
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
