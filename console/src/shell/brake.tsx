import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useState } from 'react'
import { useCaller } from '../api/caller.ts'
import { brakeQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'

const loadDialog = () => import('./brake-dialog.tsx')
const BrakeDialog = lazy(async () => ({ default: (await loadDialog()).BrakeDialog }))

/** The state of the brake, in sight on every page, and for those who may use it the way to switch it. */
export function Brake() {
  const environment = useEnvironment()
  const { data: brake, error } = useQuery(brakeQuery(environment))
  const { may } = useCaller()
  const [isOpen, setOpen] = useState(false)
  // Loaded at once after the first paint: on the day it is needed, no network may be between the hand and the brake.
  useEffect(() => void loadDialog().catch(() => {}), [])
  const state = brake === undefined ? (error === null ? '…' : 'unknown') : brake.on ? 'on' : 'off'
  const form = `min-h-11 rounded-md border-2 px-3 text-sm font-semibold whitespace-nowrap lg:min-h-9 ${brake?.on ? 'border-ink bg-ink text-surface' : 'border-ink bg-surface text-ink hover:bg-sunken'}`
  if (!may('brake', environment)) return <span className="text-sm whitespace-nowrap">Brake: {state}</span>
  return (
    <>
      <button type="button" aria-haspopup="dialog" onClick={() => setOpen(true)} className={form}>
        Brake: {state}
      </button>
      {isOpen && (
        <Suspense>
          <BrakeDialog environment={environment} brake={brake} onClose={() => setOpen(false)} />
        </Suspense>
      )}
    </>
  )
}
