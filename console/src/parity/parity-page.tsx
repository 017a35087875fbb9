import { Page } from '../parts/layout/page.tsx'
import { Empty } from '../parts/states/states.tsx'

/** The place of what will show where the answers of rails and iam differ, and who would notice. */
export function ParityPage() {
  return (
    <Page title="Parity">
      <Empty>
        This page is not available yet. It will show where the answers of rails and iam differ, and who would notice.
      </Empty>
    </Page>
  )
}
