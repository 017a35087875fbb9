import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCaller } from '../api/caller.ts'
import type { ApplicationDocument, RevocationDocument } from '../api/documents.ts'
import { FROZEN } from '../api/query-client.ts'
import { change } from '../api/request.ts'
import { counted } from '../format/numbers.ts'
import { Confirmation } from '../parts/dialogs/confirmation.tsx'
import { Failure, Loading } from '../parts/states/states.tsx'

const PATH = 'api/v1/credentials/revoke'
/** Far more batches than any application has. */
const MOST_BATCHES = 1_000

type Subject = Pick<ApplicationDocument, 'environment' | 'client_id'>

/** What a revocation would end; nothing is revoked. */
const revocationPlanQuery = ({ environment, client_id }: Subject, csrfToken: string | null) =>
  queryOptions({
    queryKey: ['decision', 'revoke', environment, client_id],
    queryFn: ({ signal }) =>
      change<RevocationDocument>('POST', PATH, { body: { environment, application: client_id }, csrfToken, signal }),
    ...FROZEN,
  })

/** Asks before all credentials that iam has issued to an application are ended, and ends them batch by batch. */
export function RevokeDialog({ application, onClose }: { application: ApplicationDocument; onClose: () => void }) {
  const { environment, client_id } = application
  const { csrfToken } = useCaller()
  const queries = useQueryClient()
  const plan = useQuery(revocationPlanQuery(application, csrfToken))
  const { mutateAsync } = useMutation({
    mutationFn: async () => {
      const body = { environment, application: client_id, confirm: client_id }
      for (let batch = 0; batch < MOST_BATCHES; batch++) {
        if ((await change<RevocationDocument>('POST', PATH, { body, csrfToken })).done) return
      }
    },
    onSettled: () => queries.invalidateQueries({ queryKey: ['applications'] }),
  })
  const { data } = plan
  return (
    <Confirmation
      isOpen
      onClose={onClose}
      action="Revoke its credentials of iam"
      environment={environment}
      isReady={data?.may_revoke === true && data.credentials !== null}
      reason="none"
      affected={data?.credentials ? { applications: 1 } : undefined}
      consequence={
        data !== undefined ? (
          <RevocationPlan plan={data} />
        ) : plan.error === null ? (
          <Loading of="what would be revoked" />
        ) : (
          <Failure of="what would be revoked" error={plan.error} onRetry={() => void plan.refetch()} />
        )
      }
      onConfirm={() => mutateAsync()}
    />
  )
}

function RevocationPlan({ plan: { may_revoke, refusal, credentials } }: { plan: RevocationDocument }) {
  if (credentials === null) return <p>No credential of iam is valid for this application any more.</p>
  const { access_tokens: access, refresh_tokens: refresh, codes, device_codes: devices } = credentials
  const kinds = [
    [access.count, 'access token'] as const,
    [refresh.count, 'refresh token'] as const,
    [codes.count + devices.count, 'code'] as const,
  ]
  const ended = kinds.filter(([count]) => count > 0).map(([count, noun]) => counted(count, noun))
  return (
    <div className="flex flex-col gap-2">
      <p className="font-medium">At once, these end: {ended.join(', ')}.</p>
      <p>
        The application has to obtain new ones, from the side where its new flows start, and its users may have to sign
        in again. This cannot be undone.
      </p>
      {!may_revoke && <p className="font-medium text-broken">✗ It cannot be done now: {refusal}.</p>}
    </div>
  )
}
