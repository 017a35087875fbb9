import { scaleTime } from 'd3-scale'
import { ZONE } from '../format/times.ts'

const DAY_MS = 86_400_000
const PIXELS_A_TICK = 90

/** Maps moments to pixels, with ticks as people say them: times within a day or two, days beyond. */
export function timeAxis(from: number, to: number, [left, right]: readonly [number, number]) {
  const scale = scaleTime().domain([from, to]).range([left, right])
  const isLong = to - from > 2 * DAY_MS
  const format = new Intl.DateTimeFormat(
    'en-GB',
    isLong
      ? { weekday: 'short', day: 'numeric', timeZone: ZONE }
      : { hour: '2-digit', minute: '2-digit', timeZone: ZONE },
  )
  const count = Math.max(2, Math.floor((right - left) / PIXELS_A_TICK))
  const seen = new Set<string>()
  const ticks = scale.ticks(count).flatMap((at) => {
    const words = format.format(at).replace(',', '')
    if (seen.has(words)) return []
    seen.add(words)
    return [{ x: scale(at), words }]
  })
  return { x: (at: number) => scale(at), at: (x: number) => scale.invert(x).getTime(), ticks }
}
