import { AsyncLocalStorage } from 'node:async_hooks'

/** A call made on behalf of a request. */
interface CallSpan {
  /** The header value that the call carries. */
  readonly traceparent: string
  set(name: string, value: number): void
  end(isError?: boolean): void
}

/** The span of a request, as its handlers see it. */
interface ActiveSpan {
  readonly traceId: string
  call(name: string): CallSpan
}

/** What is known of the current request throughout its handling. */
export interface RequestContext {
  readonly correlationId: string
  /** Undefined if the request is not traced. */
  readonly span: ActiveSpan | undefined
}

const underWay = new AsyncLocalStorage<RequestContext>()

/** Returns the request that is being handled; undefined outside of one. */
export function currentRequest(): RequestContext | undefined {
  return underWay.getStore()
}

/** Runs the handler of a request with {@link currentRequest} set to `context`. Returns the result of `answer`. */
export function runInRequest<T>(context: RequestContext, answer: () => T): T {
  return underWay.run(context, answer)
}
