import type { Destination, Endpoint } from '../../../routing/index.ts'
import { headerOf } from '../../headers/response-headers.ts'
import { type Issued, issuedInForm, issuedInJson } from '../../ledger/issued.ts'
import { type Learner, learnFromForm, learnFromJson, mayHoldForm } from '../../ledger/learning.ts'
import type { InspectedResponse } from '../../telemetry/exchange-record.ts'
import { BodyCopy, isWorthInspecting } from './body-copy.ts'

/** The head of a response, and the request it belongs to. */
export interface InspectedHead {
  readonly endpoint: Endpoint
  /** The side that responded. */
  readonly side: Destination
  readonly status: number
  readonly isJson: boolean
  readonly headers: readonly string[]
  /** Whether the response may deliver an authorization code to a client. */
  readonly mayHandOver: boolean
}

/**
 * Starts to inspect a response as it streams through, for its OAuth error and for issued credentials. Returns undefined
 * if there is nothing to inspect.
 */
export function inspectResponse(learner: Learner, head: InspectedHead): ResponseInspection | undefined {
  const { endpoint, side, status, isJson, headers, mayHandOver } = head
  if (endpoint !== 'other' && isWorthInspecting(endpoint, status, isJson))
    return new ResponseInspection(learner, head, 'json')
  const mayBeForm = mayHandOver && mayHoldForm(learner, side, status, headerOf(headers, 'content-type'))
  return mayBeForm ? new ResponseInspection(learner, head, 'form') : undefined
}

/** The inspection of one response; see {@link inspectResponse}. */
export class ResponseInspection implements InspectedResponse {
  readonly #learner: Learner
  readonly #head: InspectedHead
  /** A JSON document, or a page that may be the form with which a browser delivers a code to a client. */
  readonly #kind: 'json' | 'form'
  readonly #body = new BodyCopy()

  constructor(learner: Learner, head: InspectedHead, kind: 'json' | 'form') {
    this.#learner = learner
    this.#head = head
    this.#kind = kind
  }

  see(chunk: Buffer): void {
    this.#body.see(chunk)
  }

  /** Records the credentials that a complete response issues. */
  learn(): void {
    const { endpoint, side, status } = this.#head
    if (this.#kind === 'form') learnFromForm(this.#learner, side, this.#body.text())
    else if (status < 400) learnFromJson(this.#learner, endpoint, side, this.#body.text())
  }

  /** The bounded OAuth error code of the response. */
  get oauthError(): string | undefined {
    return this.#kind === 'json' && this.#head.status >= 400 ? this.#body.error() : undefined
  }

  memberNames(): readonly string[] | undefined {
    return this.#kind === 'json' ? this.#body.memberNames() : undefined
  }

  textMember(name: string): string | undefined {
    return this.#kind === 'json' ? this.#body.textMember(name) : undefined
  }

  shape(): string | undefined {
    return this.#kind === 'json' ? this.#body.shape() : undefined
  }

  issued(): readonly Issued[] {
    const { endpoint, status } = this.#head
    if (status >= 400) return []
    return this.#kind === 'form' ? issuedInForm(this.#body.text()) : issuedInJson(endpoint, this.#body.text())
  }

  /** Whether the response grants an access token. */
  get grants(): boolean {
    return this.#kind === 'json' && this.#head.status < 400 && this.#body.holdsAccessToken()
  }
}
