import { applicationInWords, shownName } from '../../applications/index.ts'
import { stateInWords } from '../../chatops/index.ts'
import { applicationIdOf, type FlagState, type OptOutChange } from '../../flags/index.ts'
import type { StateCache } from '../state/state-cache.ts'

const SHOWN = 10

/** The first ten items of a list, and the number of the others. */
export function firstOf(items: readonly string[]): string {
  const more = items.length - SHOWN
  return items.slice(0, SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '')
}

const COVERED_BY: Readonly<Record<string, string>> = {
  boolean: "'true' for all",
  percentage_of_actors: 'the percentage of applications',
  percentage_of_time: 'the percentage of the time',
  feature_group: 'a feature group',
  actor: 'its own gate',
}

/** Describes what a change did in addition to what it names, one sentence for each kind of effect and each gate. */
export function notesInWords(cache: StateCache, optOutChanges: readonly OptOutChange[]): string[] {
  const groups = new Map<string, { readonly effect: OptOutChange; readonly actors: string[] }>()
  for (const effect of optOutChanges) {
    const key = effect.kind === 'opted_out' ? `opted_out ${effect.gate}` : effect.kind
    const group = groups.get(key) ?? { effect, actors: [] }
    group.actors.push(actorInWords(cache, effect.actor))
    groups.set(key, group)
  }
  return [...groups.values()].map(({ effect, actors }) => sentenceOf(effect, actors))
}

function sentenceOf(effect: OptOutChange, actors: readonly string[]): string {
  const isOne = actors.length === 1
  const subject = `${isOne ? 'application' : 'applications'} ${firstOf(actors)}`
  const [was, is, it] = isOne ? ['was', 'is', 'it'] : ['were', 'are', 'them']
  switch (effect.kind) {
    case 'opted_out':
      return `${subject} ${was} still covered by ${COVERED_BY[effect.gate] ?? effect.gate}, so ${isOne ? 'it is' : 'they are'} opted out; 'true' for ${it} removes the opt-out`
    case 'opt_out_removed':
      return `the opt-out of ${subject} is removed`
    case 'stays_out':
      return `${subject} ${is} opted out on purpose and ${isOne ? 'stays' : 'stay'} off; 'remove_opt_out' ends that`
  }
}

/** A flag's state in words, with the name of each application that it contains. */
export function namedStateInWords(cache: StateCache, state: FlagState): string {
  return stateInWords(state, (actor) => {
    const id = applicationIdOf(actor)
    const name = shownName((id === undefined ? undefined : cache.application(id)?.name) ?? '')
    return name === '' ? actor : `${actor} "${name}"`
  })
}

/** An actor in words: the application that it identifies, or the actor itself. */
export function actorInWords(cache: StateCache, actor: string): string {
  const id = applicationIdOf(actor)
  const application = id === undefined ? undefined : cache.application(id)
  return application ? applicationInWords(application) : (id ?? actor).toString()
}
