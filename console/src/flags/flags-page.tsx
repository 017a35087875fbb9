import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { FeatureDocument } from '../api/documents.ts'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { ENVIRONMENTS, EnvironmentBadge } from '../parts/badges/environment.tsx'
import { Page } from '../parts/layout/page.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import type { FlagRow } from './flag-rows.ts'
import { flagsQuery } from './flags-query.ts'
import { gateMark } from './gate-mark.ts'

const COLUMNS: Column<FlagRow>[] = [
  {
    key: 'name',
    head: 'Flag',
    cell: ({ name, description, isDefined }) => (
      <>
        <Link
          to="/flags/$name"
          params={{ name }}
          className="font-medium break-all underline decoration-line underline-offset-4 hover:decoration-ink"
        >
          {name}
        </Link>
        <span className="block font-normal text-faded">
          {isDefined ? description : 'Set, and no longer defined: delete it.'}
        </span>
      </>
    ),
  },
  ...ENVIRONMENTS.map((environment) => ({
    key: environment,
    head: <EnvironmentBadge environment={environment} />,
    className: 'md:w-36',
    cell: (row: FlagRow) => <StateMark flag={row.in[environment]} />,
  })),
]

function StateMark({ flag }: { flag: FeatureDocument | undefined }) {
  if (flag === undefined) return <span className="text-faded">not set</span>
  const { condition, words } = gateMark(flag)
  return <ConditionBadge condition={condition}>{words}</ConditionBadge>
}

/** How do the flags stand in each environment? */
export function FlagsPage() {
  const flags = useQuery(flagsQuery)
  return (
    <Page title="Flags">
      <QueryPart query={flags} of="the flags">
        {(rows) => (
          <Section title="Every flag in each environment">
            {rows.length === 0 ? (
              <Empty>No flag is defined. Definitions are files next to the control plane.</Empty>
            ) : (
              <ShortTable caption="Flags" columns={COLUMNS} rows={rows} keyOf={({ name }) => name} />
            )}
          </Section>
        )}
      </QueryPart>
    </Page>
  )
}
