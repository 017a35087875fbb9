import { AsyncLocalStorage } from 'node:async_hooks'

/** A call that is made for a request. */
interface CallSpan {
  /** What the call carries. */
  readonly traceparent: string
  set(name: string, value: number): void
  end(isError?: boolean): void
}

/** The span of a request, as those see it who answer. */
interface ActiveSpan {
  readonly traceId: string
  call(name: string): CallSpan
}

/** What is known, wherever its answer is made, of the request that is being answered. */
export interface RequestContext {
  readonly correlationId: string
  /** Undefined where it is part of no trace. */
  readonly span: ActiveSpan | undefined
}

const underWay = new AsyncLocalStorage<RequestContext>()

/** The request that is being answered; undefined outside of one. */
export function currentRequest(): RequestContext | undefined {
  return underWay.getStore()
}

/** Runs what answers a request, so that {@link currentRequest} tells of it there. */
export function runInRequest<T>(context: RequestContext, answer: () => T): T {
  return underWay.run(context, answer)
}
