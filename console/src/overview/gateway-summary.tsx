import type { OverviewDocument } from '../api/documents.ts'
import { inDuration, inFull } from '../format/numbers.ts'
import { Section } from '../parts/layout/section.tsx'

/** Whether every gateway knows what the control plane knows. */
export function GatewaySummary({ gateways }: { gateways: OverviewDocument['gateways'] }) {
  const { all, current, version, lag_ms } = gateways
  return (
    <Section title="Gateways">
      <p className="text-sm">
        {all === 0 ? (
          <span className="font-medium text-broken">✗ No gateway is connected.</span>
        ) : (
          <>
            <span className={current < all ? 'font-medium text-broken' : ''}>
              {current < all && '✗ '}
              {current} of {all}
            </span>{' '}
            at version {inFull(version)}
            {lag_ms !== null && `, lag ${inDuration(lag_ms)}`}
          </>
        )}
      </p>
    </Section>
  )
}
