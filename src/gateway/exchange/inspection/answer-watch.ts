import type { Destination, Endpoint } from '../../../routing/index.ts'
import { headerOf } from '../../headers/response-headers.ts'
import { type Learner, learnFromForm, learnFromJson, mayHoldForm } from '../../ledger/learning.ts'
import { AnswerPeek, isWorthPeeking } from './answer-peek.ts'

/** The head of an answer, and where it stands. */
export interface WatchedHead {
  readonly endpoint: Endpoint
  /** Who answered. */
  readonly side: Destination
  readonly status: number
  readonly isJson: boolean
  readonly headers: readonly string[]
  /** Whether the answer may hand a code to a client. */
  readonly mayHandOver: boolean
}

/** Looks at an answer as it passes by: at its OAuth error, at what it issues. Undefined where there is nothing to see. */
export function watchAnswer(learner: Learner, head: WatchedHead): AnswerWatch | undefined {
  const { endpoint, side, status, isJson, headers, mayHandOver } = head
  if (endpoint !== 'other' && isWorthPeeking(endpoint, status, isJson)) return new AnswerWatch(learner, head, 'json')
  const mayBeForm = mayHandOver && mayHoldForm(learner, side, status, headerOf(headers, 'content-type'))
  return mayBeForm ? new AnswerWatch(learner, head, 'form') : undefined
}

/** One answer that is looked at; see {@link watchAnswer}. */
export class AnswerWatch {
  readonly #learner: Learner
  readonly #head: WatchedHead
  /** A document, or a page that may be the form by which a browser carries a code to a client. */
  readonly #kind: 'json' | 'form'
  readonly #peek = new AnswerPeek()

  constructor(learner: Learner, head: WatchedHead, kind: 'json' | 'form') {
    this.#learner = learner
    this.#head = head
    this.#kind = kind
  }

  see(chunk: Buffer): void {
    this.#peek.see(chunk)
  }

  /** The answer is whole: takes note of what it issues. */
  learn(): void {
    const { endpoint, side, status } = this.#head
    if (this.#kind === 'form') learnFromForm(this.#learner, side, this.#peek.text())
    else if (status < 400) learnFromJson(this.#learner, endpoint, side, this.#peek.text())
  }

  /** The OAuth error of the answer, bounded. */
  get oauthError(): string | undefined {
    return this.#kind === 'json' && this.#head.status >= 400 ? this.#peek.error() : undefined
  }

  /** Whether the answer grants an access token. */
  get grants(): boolean {
    return this.#kind === 'json' && this.#head.status < 400 && this.#peek.holdsAccessToken()
  }
}
