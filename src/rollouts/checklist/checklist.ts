import type { ChecklistItem } from '../plan/plan.ts'

/** When an item has to be done: before the first step, before each further step, or after the last one. */
export const CHECKLIST_PHASES = ['before', 'between', 'after'] as const
export type ChecklistPhase = (typeof CHECKLIST_PHASES)[number]

interface ItemRules {
  readonly phases: readonly ChecklistPhase[]
  readonly isAutomatic: boolean
  readonly title: string
  /** The command that does or shows it. */
  readonly command: string
}

const BEFORE = ['before'] as const
const UNTIL_THE_END = ['before', 'between'] as const
const AFTER = ['after'] as const

/** The items of the checklist of a rollout, in the order in which they are shown. */
export const CHECKLIST = {
  deployed: {
    ...{ phases: BEFORE, isAutomatic: true, title: 'The commit is deployed in every part, canaries included' },
    command: "handover chatops 'auto_deploy status COMMIT'",
  },
  gateways_ready: {
    ...{ phases: UNTIL_THE_END, isAutomatic: true, title: 'IAM is configured and ready at every gateway' },
    command: 'handover gateways',
  },
  applications_replicated: {
    ...{ phases: UNTIL_THE_END, isAutomatic: true, title: 'IAM holds the applications' },
    command: 'handover applications list',
  },
  dashboards: {
    ...{ phases: BEFORE, isAutomatic: true, title: 'The dashboards answer their queries' },
    command: 'handover checklist show',
  },
  change_issue: {
    ...{ phases: BEFORE, isAutomatic: true, title: 'The change issue is open' },
    command: 'handover checklist show --change-issue URL',
  },
  fail_open_drill: {
    ...{ phases: BEFORE, isAutomatic: true, title: 'New flows fall back when IAM cannot be reached' },
    command: 'handover drill fail-open',
  },
  guard_drill: {
    ...{ phases: BEFORE, isAutomatic: true, title: 'A guard notices an application that is broken on purpose' },
    command: 'handover drill guard',
  },
  probes: {
    ...{ phases: UNTIL_THE_END, isAutomatic: true, title: 'Each kind of flow works on IAM, through the gateway' },
    command: 'handover probe --side=iam',
  },
  milestone: {
    ...{ phases: BEFORE, isAutomatic: false, title: 'The milestone is set' },
    command: 'handover checklist tick milestone',
  },
  documentation: {
    ...{ phases: BEFORE, isAutomatic: false, title: 'The documentation is up to date' },
    command: 'handover checklist tick documentation',
  },
  support_informed: {
    ...{ phases: BEFORE, isAutomatic: false, title: 'Support is informed' },
    command: 'handover checklist tick support_informed',
  },
  announcement: {
    ...{ phases: BEFORE, isAutomatic: false, title: 'Significant and breaking changes are announced' },
    command: 'handover checklist tick announcement',
  },
  references_removed: {
    ...{ phases: AFTER, isAutomatic: false, title: 'The flag and its references are removed from the code' },
    command: 'handover checklist tick references_removed',
  },
  issues_closed: {
    ...{ phases: AFTER, isAutomatic: false, title: 'The feature issue and the rollout issue are closed' },
    command: 'handover checklist tick issues_closed',
  },
} as const satisfies Readonly<Record<string, ItemRules>>
export type ChecklistItemName = keyof typeof CHECKLIST
export const CHECKLIST_ITEMS = Object.keys(CHECKLIST) as readonly ChecklistItemName[]

/** What an automatic check found; `unknown` if it cannot be checked here. */
export interface ItemCheck {
  readonly state: 'done' | 'open' | 'unknown'
  readonly sentence: string
}

/** A tick by hand. */
export interface ItemTick {
  readonly by: string
  readonly at: Date
  readonly note: string
}

/** The items that a plan requires, and the number of its steps. */
export interface PlannedItems {
  readonly checklist: readonly ChecklistItem[]
  readonly steps: { readonly length: number }
}

/** What is known about the items of a checklist. */
export interface ChecklistFacts {
  readonly checks: Readonly<Partial<Record<ChecklistItemName, ItemCheck>>>
  /** By the name of the item, or by its text for one that only a plan has. */
  readonly ticks: Readonly<Partial<Record<string, ItemTick>>>
  /** The plan of the rollout whose checklist it is. */
  readonly plan?: PlannedItems | undefined
}

/** An item and its state. */
export interface ChecklistEntry {
  /** One of {@link CHECKLIST_ITEMS}, or the text of an item that only the plan has. */
  readonly item: string
  readonly title: string
  readonly phases: readonly ChecklistPhase[]
  readonly isAutomatic: boolean
  readonly state: ItemCheck['state']
  readonly sentence: string
  readonly command: string
  readonly tick: ItemTick | undefined
  /** The step that waits for it by the plan, one more than there are steps for the end; undefined if none does. */
  readonly beforeStep: number | undefined
}

/**
 * The state of every item. A tick completes an item that is done by hand, or that cannot be checked here; it does not
 * override a check that found something open. Items that only the plan has follow the others.
 */
export function checklistOf({ checks, ticks, plan }: ChecklistFacts): readonly ChecklistEntry[] {
  const planned = new Map(plan?.checklist.map(({ item, beforeStep }) => [item, beforeStep]))
  const entry = (item: string, { title, phases, isAutomatic, command }: ItemRules, found: ItemCheck | undefined) => {
    const tick = ticks[item]
    const check = isAutomatic ? (found ?? NOT_CHECKED) : NOT_TICKED
    const isTicked = tick !== undefined && (!isAutomatic || check.state === 'unknown')
    const { state, sentence } = isTicked ? { state: 'done' as const, sentence: tickInWords(tick) } : check
    return { item, title, phases, isAutomatic, command, tick, state, sentence, beforeStep: planned.get(item) }
  }
  const own = [...planned].filter(([item]) => !(item in CHECKLIST))
  return [
    ...CHECKLIST_ITEMS.map((item) => entry(item, CHECKLIST[item], checks[item])),
    ...own.map(([item, beforeStep]) => {
      const phase = beforeStep === 1 ? 'before' : beforeStep > (plan?.steps.length ?? 0) ? 'after' : 'between'
      const command = `handover checklist tick '${item}' --rollout ID`
      return entry(item, { phases: [phase], isAutomatic: false, title: item, command }, undefined)
    }),
  ]
}

/** The items that the plan requires before a step and that are not done; one more than there are steps for the end. */
export function openBefore(entries: readonly ChecklistEntry[], step: number): readonly ChecklistEntry[] {
  return entries.filter(({ state, beforeStep }) => state !== 'done' && beforeStep !== undefined && beforeStep <= step)
}

/** The items of a phase that are not done, in the order of the checklist: the rollout waits for them. */
export function openItems(entries: readonly ChecklistEntry[], phase: ChecklistPhase): readonly ChecklistEntry[] {
  return entries.filter(({ state, phases }) => state !== 'done' && phases.includes(phase))
}

/** An open item as a sentence for people: what is missing, and the command that does it. */
export function openItemInWords({ title, sentence, command }: ChecklistEntry): string {
  return `${title}: ${sentence} (${command})`
}

const NOT_CHECKED: ItemCheck = { state: 'unknown', sentence: 'not checked' }
const NOT_TICKED: ItemCheck = { state: 'open', sentence: 'not ticked yet' }

function tickInWords({ by, at, note }: ItemTick): string {
  return `ticked by ${by} at ${at.toISOString()}${note === '' ? '' : `: ${note}`}`
}
