import { getRouteApi } from '@tanstack/react-router'
import { useMemo } from 'react'
import type { RolloutDetailsDocument, RolloutDocument } from '../../api/rollouts.ts'
import { counted, inFull } from '../../format/numbers.ts'
import { TextField } from '../../parts/fields/text-field.tsx'
import { Section } from '../../parts/layout/section.tsx'
import { Empty } from '../../parts/states/states.tsx'
import { type Column, VirtualTable } from '../../parts/tables/virtual-table.tsx'
import { type Exclusion, groupExclusions } from './exclusion-groups.ts'
import { ExclusionRow } from './exclusion-row.tsx'

const route = getRouteApi('/rollouts/$id')

/** Up to this many, every group is open and there is nothing to search. */
const FEW = 8
const DRAWN_AT_ONCE = 50

interface ExcludedSectionProps {
  readonly rollout: RolloutDocument
  readonly details: RolloutDetailsDocument | undefined
}

/** The applications that were taken back, grouped by cause; thousands of them stay usable. */
export function ExcludedSection({ rollout, details }: ExcludedSectionProps) {
  const { excluded, plan } = rollout
  const { cause: open, find } = route.useSearch()
  const navigate = route.useNavigate()
  const names = details?.names
  const groups = useMemo(() => groupExclusions(excluded, names ?? {}, find), [excluded, names, find])
  const isFew = excluded.length <= FEW
  const limit = (plan['exclude'] as { at_most?: unknown } | undefined)?.at_most ?? '5%'
  const toggle = (cause: string) =>
    void navigate({
      search: ({ cause: before, ...search }) => (before === cause ? search : { ...search, cause }),
      replace: true,
    })
  return (
    <Section
      title={`Taken back${excluded.length === 0 ? '' : ` (${inFull(excluded.length)})`}`}
      aside={<span className="text-sm text-faded">the plan accepts at most {String(limit)}</span>}
    >
      {excluded.length === 0 && <Empty>No application was taken back.</Empty>}
      {!isFew && (
        <TextField
          type="search"
          label="Name or id"
          className="mb-2"
          defaultValue={find ?? ''}
          maxLength={255}
          onChange={({ target }) => {
            const found = target.value.trim()
            void navigate({
              search: ({ find: _before, ...search }) => (found === '' ? search : { ...search, find: found }),
              replace: true,
            })
          }}
        />
      )}
      {excluded.length > 0 && groups.length === 0 && <Empty>No application that was taken back matches.</Empty>}
      <ul className="divide-y divide-line text-sm">
        {groups.map(({ cause, exclusions }) => {
          const isOpen = isFew || open === cause || (groups.length === 1 && find !== undefined)
          return (
            <li key={cause} className="py-2">
              {isFew ? (
                <h3 className="font-semibold break-words">{cause}</h3>
              ) : (
                <button
                  type="button"
                  aria-expanded={isOpen}
                  onClick={() => toggle(cause)}
                  className="flex min-h-9 w-full items-center justify-between gap-3 rounded-md px-2 text-left hover:bg-sunken"
                >
                  <span className="min-w-0 break-words">
                    <span aria-hidden="true">{isOpen ? '▾ ' : '▸ '}</span>
                    <span className="font-semibold">{cause}</span>
                  </span>
                  <span className="shrink-0 text-faded">{counted(exclusions.length, 'application')}</span>
                </button>
              )}
              {isOpen && <Exclusions {...{ rollout, exclusions, details, cause }} />}
            </li>
          )
        })}
      </ul>
    </Section>
  )
}

interface ExclusionsProps extends ExcludedSectionProps {
  readonly exclusions: readonly Exclusion[]
  readonly cause: string
}

function Exclusions({ rollout, exclusions, details, cause }: ExclusionsProps) {
  const row = (exclusion: Exclusion) => <ExclusionRow {...{ rollout, exclusion, details }} />
  if (exclusions.length <= DRAWN_AT_ONCE) {
    return (
      <ul className="divide-y divide-line">
        {exclusions.map((exclusion) => (
          <li key={exclusion.application_id} className="py-1.5">
            {row(exclusion)}
          </li>
        ))}
      </ul>
    )
  }
  const columns: Column<Exclusion>[] = [{ key: 'application', head: 'Application', cell: row }]
  return <VirtualTable caption={cause} rows={exclusions} columns={columns} keyOf={(each) => each.application_id} />
}
