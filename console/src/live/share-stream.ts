import { follow, type LiveMessage } from './follow.ts'

/**
 * Follows the stream of an environment once for all tabs of this browser: the tab that holds the lock connects and
 * passes on what it hears; when it closes, the next one takes over. Browsers offer locks only on HTTPS and loopback;
 * elsewhere each tab connects by itself. Returns the way to stop.
 */
export function shareStream(address: URL, tell: (message: LiveMessage) => void): () => void {
  const stop = new AbortController()
  if (navigator.locks === undefined) {
    void follow({ address, signal: stop.signal, tell })
    return () => stop.abort()
  }
  const name = `handover live ${address.href}`
  const channel = new BroadcastChannel(name)
  channel.addEventListener('message', ({ data }: MessageEvent<LiveMessage>) => tell(data))
  const lead = () => {
    // A tab that takes over cannot know which changes its predecessor still passed on.
    tell({ kind: 'taken_over' })
    const tellAll = (message: LiveMessage) => {
      tell(message)
      if (!stop.signal.aborted) channel.postMessage(message)
    }
    return follow({ address, signal: stop.signal, tell: tellAll })
  }
  navigator.locks.request(name, { signal: stop.signal }, lead).catch(() => {})
  return () => {
    stop.abort()
    channel.close()
  }
}
