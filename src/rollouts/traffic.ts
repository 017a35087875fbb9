/** The flows that an environment's applications have, on both sides, in an average day. */
export interface Traffic {
  /** Flows a day by application; an application without an entry has had none. */
  readonly flowsPerDay: ReadonlyMap<number, number>
}

/** An application with a larger share of the traffic moves by name only. */
export const NAMED_ONLY_SHARE = 0.1

const DAY_S = 86_400
/** The failures in a row with which the guard of one application acts at the flip, at the usual tolerated rates. */
const FAILURES_TO_ACT = 4
/** This many applications under suspicion end a step for all. */
const SUSPECTS_TO_ACT = 3
/** The failures in a row that make an application a suspect. */
const FAILURES_TO_SUSPECT = 2
/** From an answer until the verdict, and from the verdict until every gateway routes by it. */
const REACTION_S = 2 + 5

/** The share of all traffic that applications carry; undefined while no traffic was seen. */
export function shareOf({ flowsPerDay }: Traffic, applications: Iterable<number>): number | undefined {
  let total = 0
  for (const flows of flowsPerDay.values()) total += flows
  if (total <= 0) return undefined
  return sumOf(flowsPerDay, applications) / total
}

/** Those of the applications that carry so much traffic that they move by name only. */
export function namedOnly(traffic: Traffic, applications: readonly number[]): number[] {
  return applications.filter((id) => (shareOf(traffic, [id]) ?? 0) > NAMED_ONLY_SHARE)
}

/**
 * How many flows could fail before the guards act if a step moved these applications: the worse of two cases. One of
 * them breaks, the one with the most traffic; or all of them break, until three are suspects. To both comes the traffic
 * until the verdict has reached every gateway.
 */
export function flowsAtRisk({ flowsPerDay }: Traffic, applications: readonly number[]): number {
  const perSecond = (ids: Iterable<number>) => sumOf(flowsPerDay, ids) / DAY_S
  const busiest = Math.max(0, ...applications.map((id) => perSecond([id])))
  const alone = applications.length === 0 ? 0 : FAILURES_TO_ACT + busiest * REACTION_S
  const suspects = Math.min(SUSPECTS_TO_ACT, applications.length)
  const together = suspects * (suspects < SUSPECTS_TO_ACT ? FAILURES_TO_ACT : FAILURES_TO_SUSPECT)
  return Math.ceil(Math.max(alone, together + perSecond(applications) * REACTION_S))
}

function sumOf(flows: ReadonlyMap<number, number>, applications: Iterable<number>): number {
  let sum = 0
  for (const id of applications) sum += flows.get(id) ?? 0
  return sum
}
