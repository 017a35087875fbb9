import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useState, useSyncExternalStore } from 'react'
import { apiAddress } from '../api/address.ts'
import { isAffected, mayRefresh } from '../api/query-client.ts'
import { leadToSignIn } from '../api/sign-in.ts'
import { ChangeCollector } from './change-collector.ts'
import type { LiveMessage } from './follow.ts'
import { type LiveState, LiveStore } from './live-store.ts'
import { shareStream } from './share-stream.ts'

const Live = createContext<LiveStore | undefined>(undefined)
/** While nothing is heard, what is on the page is read again this often. */
const CATCH_UP_MS = 10_000

/** Keeps what the pages show current: each change that the control plane reports makes the queries it affects read again. */
export function LiveProvider({ environment, children }: { environment: string; children: ReactNode }) {
  const queries = useQueryClient()
  const [store] = useState(() => new LiveStore())
  useEffect(() => {
    const collector = new ChangeCollector((topics) => {
      void queries.invalidateQueries({ predicate: (query) => isAffected(query, topics) })
    })
    const look = () => collector.pause(document.hidden)
    look()
    document.addEventListener('visibilitychange', look)
    const tell = (message: LiveMessage) => {
      if (message.kind !== 'taken_over') store.heard()
      if (message.kind === 'session_ended') leadToSignIn()
      else if (message.kind === 'reset' || message.kind === 'taken_over')
        void queries.invalidateQueries({ predicate: mayRefresh })
      else if (message.kind === 'changed') collector.add(message.topics)
    }
    const leave = shareStream(apiAddress('api/v1/events', { environment }), tell)
    return () => {
      leave()
      collector.stop()
      document.removeEventListener('visibilitychange', look)
    }
  }, [environment, queries, store])
  useEffect(() => {
    const catchUp = () => {
      if (store.state().kind !== 'live') void queries.invalidateQueries({ predicate: mayRefresh })
    }
    const timer = setInterval(catchUp, CATCH_UP_MS)
    return () => clearInterval(timer)
  }, [queries, store])
  return <Live value={store}>{children}</Live>
}

/** Whether the page is current. */
export function useLive(): LiveState {
  const store = useContext(Live)
  if (store === undefined) throw new Error('useLive needs a LiveProvider')
  return useSyncExternalStore(store.subscribe, store.state)
}
