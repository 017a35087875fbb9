import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import type { TokenDocument } from '../api/documents.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Button } from '../parts/actions/button.tsx'
import { PlainConfirmation } from '../parts/dialogs/plain-confirmation.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { ShortTable } from '../parts/tables/short-table.tsx'
import type { Column } from '../parts/tables/virtual-table.tsx'
import { Time } from '../parts/text/time.tsx'
import { NewToken } from './new-token.tsx'
import { tokensQuery, useTokenRevocation } from './settings-queries.ts'

/** The tokens of people and programs, without their secrets. */
export function Tokens() {
  const tokens = useQuery(tokensQuery)
  const mayWrite = useCaller().may('tokens.write', useEnvironment())
  const [isCreating, setCreating] = useState(false)
  const [revoked, setRevoked] = useState<TokenDocument>()
  const { mutateAsync } = useTokenRevocation()
  const columns = [...COLUMNS, ...(mayWrite ? [revocationColumn(setRevoked)] : [])]
  return (
    <Section title="Tokens" aside={mayWrite && <Button onClick={() => setCreating(true)}>Create a token …</Button>}>
      <QueryPart query={tokens} of="the tokens">
        {({ tokens: all }) => <ShortTable caption="Tokens" columns={columns} rows={all} keyOf={({ id }) => id} />}
      </QueryPart>
      {isCreating && <NewToken onClose={() => setCreating(false)} />}
      {revoked !== undefined && (
        <PlainConfirmation
          action={`Revoke the token ${revoked.name}`}
          onClose={() => setRevoked(undefined)}
          onConfirm={() => mutateAsync(revoked.id)}
        >
          Requests with this token of the role {revoked.role} are refused from now on, and the sessions that began with
          it end. This cannot be undone; a new token can be created.
        </PlainConfirmation>
      )}
    </Section>
  )
}

const COLUMNS: Column<TokenDocument>[] = [
  {
    key: 'name',
    head: 'Token',
    cell: ({ name, id }) => (
      <>
        <bdi className="font-medium">{name}</bdi> <span className="text-faded">#{id}</span>
      </>
    ),
  },
  { key: 'role', head: 'Role', cell: ({ role }) => role },
  {
    key: 'environments',
    head: 'Environments',
    cell: ({ environments }) => (environments === null ? 'all that the role allows' : environments.join(', ')),
  },
  {
    key: 'created',
    head: 'Created',
    cell: ({ created_at: at, created_by: by }) => (
      <>
        <Time at={at} show="moment" />{' '}
        <span className="text-faded">{by === null ? 'by the settings' : `by ${by}`}</span>
      </>
    ),
  },
  {
    key: 'used',
    head: 'Last used',
    cell: ({ last_used_at: at }) => (at === null ? 'never' : <LastUsed at={at} />),
  },
  {
    key: 'expires',
    head: 'Expires',
    cell: ({ expires_at: at }) => (at === null ? 'does not expire' : <Time at={at} show="age" />),
  },
]

/** The control plane notes the hour of the last use only. */
function LastUsed({ at }: { at: string }) {
  return Date.now() - new Date(at).getTime() < 2 * 3_600_000 ? 'within two hours' : <Time at={at} show="age" />
}

/** A token of the settings is replaced in its file; the control plane would refuse to revoke it. */
function revocationColumn(onRevoke: (token: TokenDocument) => void): Column<TokenDocument> {
  return {
    key: 'revoke',
    head: 'Action',
    cell: (token) =>
      token.created_by === null ? (
        <span className="text-faded">Replace it in its file</span>
      ) : (
        <Button onClick={() => onRevoke(token)}>Revoke …</Button>
      ),
  }
}
