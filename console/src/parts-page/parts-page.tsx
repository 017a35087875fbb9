import { Page } from '../parts/layout/page.tsx'
import { ActionParts } from './action-parts.tsx'
import { ChartParts } from './chart-parts.tsx'
import { RolloutParts } from './rollout-parts.tsx'
import { StateParts } from './state-parts.tsx'
import { TableParts } from './table-parts.tsx'
import { WordParts } from './word-parts.tsx'

/** Every part of the console in every state that it has, for those who build pages and for the tests. */
export function PartsPage() {
  return (
    <Page title="Parts" aside={<p className="text-sm text-faded">What pages are made of, in each of its states.</p>}>
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <StateParts />
        <TableParts />
        <WordParts />
        <ActionParts />
        <ChartParts />
        <RolloutParts />
      </div>
    </Page>
  )
}
