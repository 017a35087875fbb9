import type { CallAnswer } from '../../http/index.ts'
import type { FlagEvent } from './flag-event.ts'

/** An external side effect of a change. */
export const SIDE_EFFECT_KINDS = ['annotation', 'event', 'record_issue', 'qa_message', 'pipeline'] as const
export type SideEffectKind = (typeof SIDE_EFFECT_KINDS)[number]

/** The progress of an effect, step by step: stored after each step, so that none runs twice. Never holds a secret. */
export type Progress = Readonly<Record<string, string | number | boolean>>

/** The next step of an effect. */
export type Step =
  | { readonly kind: 'done' }
  /** A person must check first. */
  | { readonly kind: 'give_up'; readonly why: string }
  /** Something to do in the control plane itself, at least once; resolves to the progress after it. */
  | { readonly kind: 'act'; readonly act: () => Promise<Progress> }
  | {
      readonly kind: 'call'
      readonly method: 'POST' | 'PUT' | 'GET'
      readonly url: string
      readonly headers?: Readonly<Record<string, string>>
      readonly json?: unknown
      /**
       * For a step that must not run twice: stored before the call, and reverted if the call certainly had no effect.
       * It is what `next` finds if the outcome of the call is unknown.
       */
      readonly begun?: Progress
      /**
       * The progress after a 2xx response; `waitMs` before the next step, 0 by default. Throws if the response cannot
       * be read.
       */
      readonly onAnswer: (answer: CallAnswer) => { readonly progress: Progress; readonly waitMs?: number }
    }

/** One kind of effect: pure except for the requests of its steps. */
export interface SideEffectAdapter {
  readonly kind: SideEffectKind
  /** Whether this event requires the effect. */
  concerns(event: FlagEvent): boolean
  next(event: FlagEvent, progress: Progress, id: number): Step
}
