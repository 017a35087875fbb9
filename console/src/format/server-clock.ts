/** Two clocks that differ by less than this count as equal: the server's header has whole seconds, and travels. */
const TOLERANCE_MS = 5_000

let offsetMs = 0

/** How far the server's clock is ahead of this computer's, from the `Date` header of a response (RFC 9110 §6.6.1). */
export function offsetOf(header: string | null, receivedAt: number): number | undefined {
  const sentAt = header === null ? Number.NaN : Date.parse(header)
  if (Number.isNaN(sentAt)) return undefined
  return Math.abs(sentAt - receivedAt) < TOLERANCE_MS ? 0 : sentAt - receivedAt
}

/** Learns the server's time from a response. */
export function learnServerTime(header: string | null): void {
  offsetMs = offsetOf(header, Date.now()) ?? offsetMs
}

/** The present by the server's clock, in milliseconds: the moments of the API are compared with it. */
export function serverNow(): number {
  return Date.now() + offsetMs
}
