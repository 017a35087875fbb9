import { z } from 'zod'
import type { Section, Tone } from '../../../chatops/index.ts'

/** A row of a rollout's timeline, as far as messages need it. */
export interface TimelineEvent {
  readonly number: number
  /** ISO 8601. */
  readonly at: string
  readonly by: string
  readonly kind: string
  readonly sentence: string
  readonly evidence: unknown
}

/** The rollout that the events belong to. */
export interface NoticeRollout {
  readonly id: number
  readonly name: string
  readonly flag: string
  readonly environment: string
  readonly state: string
  /** The person who is responsible for it, by its plan. */
  readonly responsible?: string | undefined
}

/** One event for people: what happened, the numbers behind it, and what to do next. */
export interface NoticeItem {
  readonly number: number
  readonly at: string
  readonly kind: string
  readonly sentence: string
  /** The evidence, one sentence each. */
  readonly numbers: readonly string[]
  /** At most five, shortened; see {@link redactedRequestId}. */
  readonly requestIds: readonly string[]
  /** The command with which a person continues; undefined when there is nothing to do. */
  readonly next: string | undefined
}

/** One message about a rollout: everything that happened since the last one. */
export interface Notice {
  readonly rollout: NoticeRollout
  /** The most important event, in one line. */
  readonly subject: string
  /** Whether someone has to act, or the rollout has ended. */
  readonly isUrgent: boolean
  /** The most important events, in the order in which they happened. */
  readonly items: readonly NoticeItem[]
  /** How many further events the message leaves out. */
  readonly leftOut: number
  /** Links to the rollout; undefined when the control plane's public address is not configured. */
  readonly url: string | undefined
}

const MOST_ITEMS = 10
const MOST_REQUEST_IDS = 5
const MOST_NUMBERS = 5
const SHOWN_OF_ID = 8

/** The importance of an event by its kind: 3 needs a person or is final, 2 is news, 1 is progress. Others are not reported. */
const IMPORTANCE: Readonly<Record<string, 1 | 2 | 3>> = {
  ...{ held: 3, aborted: 3, completed: 3, step_back: 3, flag_changed_by_hand: 3, brake: 3 },
  ...{ excluded: 2, problem: 2, pipeline: 2, drill: 2, waiting: 2, paused: 2, soaking: 2, watch_ended: 2, advice: 2 },
  ...{ created: 1, started: 1, resumed: 1, step: 1, approved: 1, acknowledged: 1, retried: 1, next: 1, checklist: 1 },
}

const TONES: Readonly<Record<string, Tone>> = {
  ...{ held: 'refused', aborted: 'refused', step_back: 'refused', flag_changed_by_hand: 'refused', brake: 'refused' },
  ...{ excluded: 'refused', problem: 'refused', waiting: 'waiting', paused: 'waiting', soaking: 'waiting' },
  ...{ completed: 'done', step: 'done', watch_ended: 'waiting' },
}

/** The fields of a guard's reading that messages show. */
const reading = z.object({
  applicationId: z.int(),
  guard: z.string().optional(),
  cause: z.string().nullish(),
  evidence: z.number().optional(),
  threshold: z.number().optional(),
  outcomes: z.number().optional(),
  failures: z.number().optional(),
  toleratedRate: z.number().optional(),
  requestIds: z.array(z.string()).optional(),
})
const evidenceSchema = z.object({
  readings: z.array(z.unknown()).catch([]).default([]),
  /** What the step before has shown. */
  step_before: z.object({ step: z.int(), outcomes: z.number(), failures: z.number() }).optional().catch(undefined),
})
type Reading = z.infer<typeof reading>

/**
 * Puts the events since the last message into one; undefined when none of them concerns people. The events of the
 * greatest importance are kept, the newest first among equals.
 */
export function noticeOf(
  rollout: NoticeRollout,
  events: readonly TimelineEvent[],
  publicUrl?: string,
): Notice | undefined {
  const told = events.filter(({ kind }) => IMPORTANCE[kind] !== undefined)
  const ranked = [...told].sort((a, b) => importanceOf(b) - importanceOf(a) || b.number - a.number)
  const [first] = ranked
  if (first === undefined) return undefined
  const kept = ranked.slice(0, MOST_ITEMS).sort((a, b) => a.number - b.number)
  return {
    rollout,
    subject: `Rollout ${rollout.name} on ${rollout.environment}: ${first.sentence}`,
    isUrgent: importanceOf(first) === 3,
    items: kept.map((event) => itemOf(rollout, event)),
    leftOut: told.length - kept.length,
    url: publicUrl === undefined ? undefined : `${publicUrl}/console/rollouts/${rollout.id}`,
  }
}

/** The message as sections, which Slack blocks and plain text are made from. */
export function sectionsOf(notice: Notice): Section[] {
  const sections = notice.items.map((item) => ({
    heading: item.sentence,
    tone: TONES[item.kind] ?? 'info',
    lines: [
      ...item.numbers,
      ...(item.requestIds.length === 0 ? [] : [`Requests: ${item.requestIds.join(', ')}`]),
      ...(item.next === undefined ? [] : [`Next: ${item.next}`]),
      `${item.at}`,
    ],
  }))
  if (notice.leftOut === 0) return sections
  const lines = [`'handover rollout show ${notice.rollout.id}' lists them.`]
  return [...sections, { heading: `${notice.leftOut} more events`, tone: 'info' as const, lines }]
}

/** The first characters of a request id: enough to find the request in the log, without repeating what a caller sent. */
export function redactedRequestId(id: string): string {
  const plain = id.replaceAll(/[^\w-]/g, '')
  return plain.length > SHOWN_OF_ID ? `${plain.slice(0, SHOWN_OF_ID)}…` : plain
}

function importanceOf({ kind }: TimelineEvent): number {
  return IMPORTANCE[kind] ?? 0
}

function itemOf(rollout: NoticeRollout, event: TimelineEvent): NoticeItem {
  const { number, at, kind, sentence } = event
  const given = Array.isArray(event.evidence) ? { readings: event.evidence } : event.evidence
  const read = evidenceSchema.safeParse(given)
  const { readings: all, step_before: before } = read.success ? read.data : { readings: [], step_before: undefined }
  const readings = all.flatMap((each) => reading.safeParse(each).data ?? [])
  const ids = readings.flatMap(({ requestIds }) => requestIds ?? [])
  return {
    ...{ number, at, kind, sentence },
    numbers: [
      ...readings.slice(0, MOST_NUMBERS).map(numbersOf),
      ...(readings.length > MOST_NUMBERS ? [`and ${readings.length - MOST_NUMBERS} more guards`] : []),
      ...(before === undefined || before.step === 0
        ? []
        : [`Step ${before.step} has shown ${before.outcomes} outcomes, ${before.failures} of them failures`]),
    ],
    requestIds: [...new Set(ids)].slice(0, MOST_REQUEST_IDS).map(redactedRequestId),
    next: nextOf(rollout, kind, readings[0]?.applicationId),
  }
}

function numbersOf({ applicationId, guard, cause, evidence, threshold, ...counts }: Reading): string {
  const { outcomes, failures, toleratedRate } = counts
  const whose = [guard === undefined ? 'guard' : `guard ${guard}`, `of application ${applicationId}`]
  const said = [
    ...(failures === undefined || outcomes === undefined ? [] : [`${failures} of ${outcomes} flows failed`]),
    ...(toleratedRate === undefined ? [] : [`tolerated are ${percent(toleratedRate)}`]),
    ...(evidence === undefined || threshold === undefined
      ? []
      : [`evidence ${rounded(evidence)}, threshold ${rounded(threshold)}`]),
    ...(cause == null ? [] : [`mostly ${cause}`]),
  ]
  return `${whose.join(' ')}: ${said.length === 0 ? 'no numbers' : said.join('; ')}`
}

/** The command that continues after an event of this kind. */
function nextOf({ id }: NoticeRollout, kind: string, application: number | undefined): string | undefined {
  const command = (action: string, more = '') => `handover rollout ${action} ${id}${more}`
  const named = application === undefined ? '' : ` --oauth-application=${application}`
  switch (kind) {
    case 'held':
    case 'pipeline':
      return `find the cause, then '${command('resume', " --reason '…'")}' or '${command('abort', " --reason '…'")}'`
    case 'excluded':
      return `fix the application, then '${command('retry', `${named} --reason '…'`)}'`
    case 'problem':
      return `check the application with 'handover guard show${named}'`
    case 'step_back':
    case 'flag_changed_by_hand':
      return `see '${command('show')}', then '${command('resume', " --reason '…'")}'`
    case 'paused':
      return `'${command('resume')}' continues`
    case 'watch_ended':
      return `'${command('acknowledge')}' continues to watch for two hours`
    case 'waiting':
      return `'${command('show')}' lists what it waits for`
    case 'aborted':
    case 'completed':
      return `'${command('report')}' writes the report`
    default:
      return undefined
  }
}

function percent(rate: number): string {
  return `${rounded(rate * 100)} %`
}

/** Three significant digits below 1,000, whole numbers above. */
function rounded(value: number): string {
  if (!Number.isFinite(value)) return 'more than can be shown'
  return (Math.abs(value) >= 1_000 ? Math.round(value) : Number(value.toPrecision(3))).toLocaleString('en-US')
}
