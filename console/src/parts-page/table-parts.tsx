import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { Section } from '../parts/layout/section.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'

const ROWS = [
  { environment: 'staging', state: 'on for all' },
  { environment: 'production', state: 'on for 25 % of applications' },
] as const

/** Tables; the one for long lists stands on the page of applications. */
export function TableParts() {
  return (
    <Section title="A short table, of blocks on a narrow screen">
      <ShortTable
        caption="A short table"
        columns={[
          {
            key: 'name',
            head: 'Environment',
            cell: ({ environment }) => <EnvironmentBadge environment={environment} />,
          },
          { key: 'state', head: 'State', cell: ({ state }) => state },
        ]}
        rows={ROWS}
        keyOf={({ environment }) => environment}
      />
    </Section>
  )
}
