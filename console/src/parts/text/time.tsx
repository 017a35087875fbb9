import { useSyncExternalStore } from 'react'
import { serverNow } from '../../format/server-clock.ts'
import { age, moment, momentInFull } from '../../format/times.ts'

const TICK_MS = 1_000
const listeners = new Set<() => void>()
let now = Math.floor(serverNow() / TICK_MS) * TICK_MS
let timer: ReturnType<typeof setInterval> | undefined

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    now = Math.floor(serverNow() / TICK_MS) * TICK_MS
    for (const each of listeners) each()
  }, TICK_MS)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** The present by the server's clock, to the second; one clock for the whole page. */
export function useNow(): Date {
  return new Date(useSyncExternalStore(subscribe, () => now))
}

interface TimeProps {
  /** An ISO 8601 moment, as the API writes it. */
  readonly at: string | Date
  /** `both` shows the moment and its age; `age` and `moment` only one, with the other as a title. */
  readonly show?: 'both' | 'age' | 'moment'
}

/** A moment with its age; the full date and the zone are its title. */
export function Time({ at, show = 'both' }: TimeProps) {
  const present = useNow()
  const date = typeof at === 'string' ? new Date(at) : at
  if (Number.isNaN(date.getTime())) return <span>at an unknown time</span>
  const said = { moment: moment(date, present), age: age(date, present) }
  const text = show === 'both' ? `${said.moment} (${said.age})` : said[show]
  return (
    <time dateTime={date.toISOString()} title={`${momentInFull(date)}, ${said.age}`} className="whitespace-nowrap">
      {text}
    </time>
  )
}
