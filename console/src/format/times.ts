import { inDuration } from './numbers.ts'

const DAY_MS = 86_400_000

/** The name of this browser's time zone, such as `Europe/Berlin`. */
export const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone

const clock = (zone: string) =>
  new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', timeZone: zone })
const date = (zone: string, withYear: boolean) =>
  new Intl.DateTimeFormat('en-GB', {
    ...{ weekday: 'short', day: 'numeric', month: 'short', timeZone: zone },
    ...(withYear ? { year: 'numeric' } : {}),
  })
const zoneName = (zone: string) => new Intl.DateTimeFormat('en-GB', { timeZone: zone, timeZoneName: 'short' })

/** The time of day: `14:02:11`. */
export function timeOfDay(at: Date, zone = ZONE): string {
  return clock(zone).format(at)
}

/** A moment as people say it on the day of `now`: `14:02:11` today, with the date on any other day. */
export function moment(at: Date, now: Date, zone = ZONE): string {
  const isSameDay = date(zone, true).format(at) === date(zone, true).format(now)
  if (isSameDay) return timeOfDay(at, zone)
  const isNear = Math.abs(now.getTime() - at.getTime()) < 300 * DAY_MS
  return `${date(zone, !isNear).format(at).replace(',', '')}, ${timeOfDay(at, zone).slice(0, 5)}`
}

/** A moment in full, with its zone: `Mon 30 Nov 2026, 14:02:11 CET`. */
export function momentInFull(at: Date, zone = ZONE): string {
  const name = zoneName(zone)
    .formatToParts(at)
    .find(({ type }) => type === 'timeZoneName')?.value
  return `${date(zone, true).format(at).replace(',', '')}, ${timeOfDay(at, zone)} ${name ?? zone}`
}

/**
 * How far `at` is from `now`: `4 min ago`, `in 12 min`, `now` within a second. A moment of the past that seems to be up
 * to five seconds ahead counts as now, because two clocks never agree entirely.
 */
export function age(at: Date, now: Date): string {
  const ms = now.getTime() - at.getTime()
  if (ms > -5_000 && ms < 1_000) return 'now'
  // Whole seconds: a tenth that changes on every look is only noise.
  const distance = inDuration(Math.floor(Math.abs(ms) / 1_000) * 1_000)
  return ms > 0 ? `${distance} ago` : `in ${distance}`
}
