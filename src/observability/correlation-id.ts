const GIVEN = /^[\w.:-]{1,255}$/

/**
 * Returns the correlation id in a caller's `X-Request-Id`, if it is safe to log and forward unchanged: 1 to 255
 * letters, digits, `_`, `-`, `.` and `:`; otherwise undefined. All components accept the same ids, so that one id joins
 * the log lines of a request.
 */
export function givenCorrelationId(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' && GIVEN.test(header) ? header : undefined
}
