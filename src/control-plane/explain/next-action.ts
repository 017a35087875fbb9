import type { Trouble } from './application-order.ts'

/** The one action on an application that is sensible now. */
export interface NextAction {
  readonly verb: 'move' | 'take_back' | 'retry'
  readonly sentence: string
  /** Whether it can be done now, by this caller. */
  readonly allowed: boolean
  /** Why not; null if it can. */
  readonly reason: string | null
}

/** The facts that decide which action is sensible. */
export interface ActionFacts {
  readonly side: 'rails' | 'iam'
  readonly hasArrived: boolean
  readonly trouble: Trouble | undefined
  readonly isBrakeOn: boolean
  /** The active rollout that took the application back. */
  readonly takenBackBy: string | undefined
  /** Why this caller may change nothing in the environment; undefined if it may. */
  readonly refusal: string | undefined
}

/** Decides which action is sensible now. Moving back is possible whatever the brake and IAM are like. */
export function nextAction({ side, hasArrived, trouble, isBrakeOn, takenBackBy, refusal }: ActionFacts): NextAction {
  const of = (verb: NextAction['verb'], sentence: string, obstacle?: string): NextAction => {
    const reason = refusal ?? obstacle ?? null
    return { verb, sentence, allowed: reason === null, reason }
  }
  if (side === 'iam') {
    const why = trouble === 'failing' ? ', because its requests fail there' : ''
    return of('take_back', `Take it back to rails${why}.`)
  }
  if (takenBackBy !== undefined) {
    return of('retry', `Try again after a fix: rollout ${takenBackBy} moves it once more and judges it from the start.`)
  }
  const obstacle = hasArrived
    ? isBrakeOn
      ? 'The brake is on: new flows go to rails until it is released.'
      : undefined
    : 'IAM does not hold its current version yet.'
  return of(
    'move',
    trouble === 'problem' ? 'Move it, although a customer reported a problem.' : 'Move it to iam.',
    obstacle,
  )
}
