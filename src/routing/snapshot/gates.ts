import { actorOf } from '../../applications/index.ts'
import { applicationIdOf, compileGates, type FlagEvaluator } from '../../flags/index.ts'
import type { FlagGates, GatesStep } from './lines.ts'

/** A list of actors: applications by id, all others as they are. */
class Actors {
  readonly ids = new Set<number>()
  readonly #others = new Set<string>()

  add(actors: readonly string[]): void {
    for (const actor of actors) {
      const id = applicationIdOf(actor)
      if (id === undefined) this.#others.add(actor)
      else this.ids.add(id)
    }
  }

  remove(actors: readonly string[]): void {
    for (const actor of actors) {
      const id = applicationIdOf(actor)
      if (id === undefined) this.#others.delete(actor)
      else this.ids.delete(id)
    }
  }

  list(): string[] {
    const listed: string[] = []
    for (const id of this.ids) listed.push(actorOf({ id }))
    return listed.concat(...this.#others)
  }
}

/** The gates of one flag as a gateway holds them. A step takes time by its own size only. */
export class Gates {
  #boolean: boolean
  #percentage: number
  readonly #actors = new Actors()
  readonly #optedOut = new Actors()

  constructor(gates: FlagGates) {
    this.#boolean = gates.boolean
    this.#percentage = gates.percentage_of_actors
    this.add(gates)
  }

  get boolean(): boolean {
    return this.#boolean
  }

  /** Adds actors to the lists. */
  add(lists: { readonly actors?: readonly string[] | undefined; readonly opted_out?: readonly string[] | undefined }) {
    this.#actors.add(lists.actors ?? [])
    this.#optedOut.add(lists.opted_out ?? [])
  }

  apply(step: GatesStep): void {
    this.#boolean = step.boolean ?? this.#boolean
    this.#percentage = step.percentage_of_actors ?? this.#percentage
    this.#actors.remove(step.actors?.removed ?? [])
    this.#optedOut.remove(step.opted_out?.removed ?? [])
    this.add({ actors: step.actors?.added, opted_out: step.opted_out?.added })
  }

  /** Compiles the gates as they are now; a later step needs another compilation. */
  compile(flag: string): FlagEvaluator {
    const [actors, optedOut] = [this.#actors.ids, this.#optedOut.ids]
    return compileGates(flag, {
      boolean: this.#boolean,
      actors,
      percentage_of_actors: this.#percentage,
      opted_out: optedOut,
    })
  }

  /** The gates as lines contain them. */
  read(): FlagGates {
    return {
      boolean: this.#boolean,
      actors: this.#actors.list(),
      percentage_of_actors: this.#percentage,
      opted_out: this.#optedOut.list(),
    }
  }
}

/** The step from one state of a flag's gates to another; {@link Gates.apply} takes it. */
export function stepBetween(before: FlagGates, after: FlagGates): GatesStep {
  const actors = membersBetween(before.actors, after.actors)
  const optedOut = membersBetween(before.opted_out, after.opted_out)
  return {
    ...(before.boolean !== after.boolean && { boolean: after.boolean }),
    ...(before.percentage_of_actors !== after.percentage_of_actors && {
      percentage_of_actors: after.percentage_of_actors,
    }),
    ...(actors && { actors }),
    ...(optedOut && { opted_out: optedOut }),
  }
}

/** How many actors a step lists. */
export function membersOfStep({ actors, opted_out: optedOut }: GatesStep): number {
  const lists = [actors?.added, actors?.removed, optedOut?.added, optedOut?.removed]
  return lists.reduce((sum, list) => sum + (list?.length ?? 0), 0)
}

function membersBetween(before: readonly string[], after: readonly string[]): GatesStep['actors'] {
  // The lists are sorted and usually differ in one place: only what lies between their equal ends is compared by sets.
  const shorter = Math.min(before.length, after.length)
  let start = 0
  while (start < shorter && before[start] === after[start]) start++
  let end = 0
  while (end < shorter - start && before.at(-1 - end) === after.at(-1 - end)) end++
  const [was, is] = [new Set(before.slice(start, before.length - end)), new Set(after.slice(start, after.length - end))]
  const added = [...is].filter((actor) => !was.has(actor))
  const removed = [...was].filter((actor) => !is.has(actor))
  if (added.length === 0 && removed.length === 0) return undefined
  return { ...(added.length > 0 && { added }), ...(removed.length > 0 && { removed }) }
}
