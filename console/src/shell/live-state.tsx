import { serverNow } from '../format/server-clock.ts'
import { timeOfDay } from '../format/times.ts'
import { useLive } from '../live/live.tsx'

/** Whether the page is current: `live`, or since when it is not. */
export function LiveBadge() {
  const state = useLive()
  return (
    <span role="status" className="inline-flex items-center gap-1.5 text-sm whitespace-nowrap">
      {state.kind === 'live' && (
        <>
          <span aria-hidden="true" className="size-2 rounded-full bg-passed" />
          live
        </>
      )}
      {state.kind === 'connecting' && <span className="text-faded">connecting …</span>}
      {state.kind === 'stale' && (
        <span className="rounded-sm bg-ink px-1.5 py-0.5 font-medium text-surface">
          stale since {timeOfDay(new Date(state.since.getTime() + serverNow() - Date.now()))}
        </span>
      )}
    </span>
  )
}
