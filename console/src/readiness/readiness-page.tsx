import { Page } from '../parts/layout/page.tsx'
import { Empty } from '../parts/states/states.tsx'

/** The place of what will show which applications cannot be moved yet, and what would change that. */
export function ReadinessPage() {
  return (
    <Page title="Readiness">
      <Empty>
        This page is not available yet. It will show which applications cannot be moved yet, and what would change that.
      </Empty>
    </Page>
  )
}
