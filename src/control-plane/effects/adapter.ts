import type { CallAnswer } from '../../http/index.ts'
import type { FlagEvent } from './flag-event.ts'

/** What follows a change, outside. */
export const EFFECT_KINDS = ['annotation', 'event', 'record_issue', 'qa_message', 'pipeline'] as const
export type EffectKind = (typeof EFFECT_KINDS)[number]

/** What an effect has come to, step by step: kept after each, so that none is done twice. Never holds a secret. */
export type Progress = Readonly<Record<string, string | number | boolean>>

/** The next thing to do for an effect. */
export type Step =
  | { readonly kind: 'done' }
  /** A person must look first. */
  | { readonly kind: 'give_up'; readonly why: string }
  | {
      readonly kind: 'call'
      readonly method: 'POST' | 'PUT' | 'GET'
      readonly url: string
      readonly headers?: Readonly<Record<string, string>>
      readonly json?: unknown
      /**
       * For what must not be done twice: written down before the call, and taken back if that surely came to nothing. It is
       * what `next` finds when nobody knows how the call ended.
       */
      readonly begun?: Progress
      /** What a 2xx answer leads to; `waitMs` before the next step, none by default. Throws when it cannot be read. */
      readonly onAnswer: (answer: CallAnswer) => { readonly progress: Progress; readonly waitMs?: number }
    }

/** One kind of effect: pure, but for what its steps ask for. */
export interface EffectAdapter {
  readonly kind: EffectKind
  /** Whether anything is to be done for this event. */
  concerns(event: FlagEvent): boolean
  next(event: FlagEvent, progress: Progress, id: number): Step
}
