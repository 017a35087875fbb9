import { Page } from '../parts/layout/page.tsx'
import { Empty } from '../parts/states/states.tsx'

/** The place of what will show which live credentials of rails remain, and when the last one ends. */
export function EndGamePage() {
  return (
    <Page title="End game">
      <Empty>
        This page is not available yet. It will show which live credentials of rails remain, and when the last one ends.
      </Empty>
    </Page>
  )
}
