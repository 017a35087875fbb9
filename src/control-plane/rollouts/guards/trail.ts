/** Evidence at a moment, in milliseconds since the epoch. */
export type TrailPoint = readonly [at: number, evidence: number]

/** Below this an application looks well, and nothing is noted: most applications have no trail. */
const FROM = 1.5
/** A change by less than this factor is not noted. */
const FACTOR = 1.2
const MOST_POINTS = 60

/** How the evidence of an attempt has grown, in few points: for people who ask why an application was taken back. */
export class Trail {
  #points: TrailPoint[]

  constructor(points: readonly TrailPoint[] = []) {
    this.#points = [...points]
  }

  get points(): readonly TrailPoint[] {
    return this.#points
  }

  /** Notes the present evidence if it says something new. */
  note(at: number, evidence: number): void {
    const last = this.#points.at(-1)?.[1] ?? 1
    if (Math.max(evidence, last) < FROM) return
    if (evidence < last * FACTOR && evidence > last / FACTOR) return
    if (this.#points.length === 0) this.#points.push([at, 1])
    this.#points.push([at, Math.max(1, Math.round(evidence * 10) / 10)])
    // The first and the last stay; of the others every second one, so that the shape stays.
    if (this.#points.length > MOST_POINTS) {
      this.#points = this.#points.filter((_, index) => index % 2 === 0 || index === this.#points.length - 1)
    }
  }
}
