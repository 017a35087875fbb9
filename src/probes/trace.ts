import type { ProbeStep } from './twin.ts'
import { oauthErrorOf, type ProbeAnswer, ProbeFault } from './wire.ts'

/** A step whose response is not the expected one. `code` becomes the error of the step. */
export class StepFailure extends Error {
  readonly step: string
  readonly code: string
  constructor(step: string, code: string, options?: { cause?: unknown }) {
    super(`${step}: ${code}`, options)
    this.name = 'StepFailure'
    this.step = step
    this.code = code
  }
}

/** Records the steps of one flow. */
export class Trace {
  readonly steps: ProbeStep[] = []

  /**
   * Makes one request and checks its response. `check` returns what the flow needs of it, or an object with the error
   * code that it found. Rejects with {@link StepFailure}.
   */
  async step<T>(
    name: string,
    request: () => Promise<ProbeAnswer>,
    check: (answer: ProbeAnswer) => T | StepFault,
  ): Promise<T> {
    const began = performance.now()
    const durationMs = () => Math.round(performance.now() - began)
    const missing = { name, status: undefined, side: undefined, reason: undefined, requestId: undefined }
    let answer: ProbeAnswer
    try {
      answer = await request()
    } catch (error) {
      const code = error instanceof ProbeFault ? error.code : 'unreachable'
      this.steps.push({ ...missing, error: code, durationMs: durationMs() })
      throw new StepFailure(name, code, { cause: error })
    }
    const { status, side, reason, requestId } = answer
    const checked = check(answer)
    const fault = checked instanceof StepFault ? checked.code : undefined
    this.steps.push({ name, status, error: fault, side, reason, requestId, durationMs: durationMs() })
    if (checked instanceof StepFault) throw new StepFailure(name, checked.code)
    return checked
  }
}

/** What a check found wrong. */
export class StepFault {
  readonly code: string
  constructor(code: string) {
    this.code = code
  }
}

/** The fault of an unexpected response: its OAuth error, otherwise its status, otherwise that it cannot be read. */
export function faultOf(answer: ProbeAnswer): StepFault {
  const error = oauthErrorOf(answer)
  if (error !== undefined) return new StepFault(error)
  if (answer.status >= 300 && answer.status < 400) return new StepFault('unexpected_redirect')
  return new StepFault(answer.status === 200 ? 'unreadable' : `status_${answer.status}`)
}
