import { useQuery } from '@tanstack/react-query'
import { useCaller } from '../api/caller.ts'
import type { EnvironmentsDocument } from '../api/documents.ts'
import { environmentsQuery } from '../api/queries.ts'
import { EnvironmentBadge } from '../parts/badges/environment.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'

type EnvironmentRule = EnvironmentsDocument['environments'][number]

/** The environments, what each of them demands, and what the caller may do there. */
export function Environments() {
  const query = useQuery(environmentsQuery)
  const { me } = useCaller()
  const columns: Column<EnvironmentRule>[] = [
    { key: 'name', head: 'Environment', cell: ({ environment }) => <EnvironmentBadge environment={environment} /> },
    {
      key: 'role',
      head: 'Your role there',
      cell: ({ environment }) => me?.environments.find((one) => one.environment === environment)?.role ?? '…',
    },
    {
      key: 'reason',
      head: 'Changes towards iam',
      cell: ({ reason_required: isRequired }) => (isRequired ? 'require a reason' : 'require no reason'),
    },
  ]
  return (
    <Section title="Environments">
      <QueryPart query={query} of="the environments">
        {({ environments }) => (
          <ShortTable
            caption="Environments"
            columns={columns}
            rows={environments}
            keyOf={({ environment }) => environment}
          />
        )}
      </QueryPart>
    </Section>
  )
}
