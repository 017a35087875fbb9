const GIVEN = /^[\w.:-]{1,255}$/

/**
 * The correlation id that a caller gave in `X-Request-Id`, if it is one that can be logged and passed on as it is: 1 to 255
 * letters, digits, `_`, `-`, `.` and `:`. Every part accepts the same ids, so that one id joins the lines of a request in all
 * of them.
 */
export function givenCorrelationId(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' && GIVEN.test(header) ? header : undefined
}
