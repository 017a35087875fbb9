/** Failures of a server that answers badly or not at all; which one a client meets is chance. */
const UNAVAILABLE = /^(status_5\d\d|timed_out|cut_off|unreachable|unreadable|server_error|temporarily_unavailable)$/

/** The class of a cause: different causes of one class are one fault. */
export const UNAVAILABLE_CLASS = 'unavailable'

/** The class of a cause of failure: an OAuth error stands for itself, all signs of an outage are one class. */
export function causeClass(cause: string): string {
  return UNAVAILABLE.test(cause) ? UNAVAILABLE_CLASS : cause
}
