import { getRouteApi } from '@tanstack/react-router'
import type { ComponentProps, ReactNode } from 'react'
import { Button } from '../../parts/actions/button.tsx'
import type { PageAction } from '../rollout-search.ts'

const route = getRouteApi('/rollouts/$id')

interface ActionLinkProps {
  readonly ask: PageAction
  readonly application?: number
  readonly weight?: ComponentProps<typeof Button>['weight']
  /** Why it cannot be done now. */
  readonly reason?: string | undefined
  readonly children: ReactNode
}

/** A button that opens the dialog of an action; which dialog is open stands in the address. */
export function ActionLink({ ask, application, weight = 'plain', reason, children }: ActionLinkProps) {
  const navigate = route.useNavigate()
  const about = application === undefined ? {} : { application: String(application) }
  return (
    <Button
      weight={weight}
      reason={reason}
      onClick={() =>
        void navigate({
          search: ({ application: _before, ...search }) => ({ ...search, ask, ...about }),
          replace: true,
        })
      }
    >
      {children}
    </Button>
  )
}
