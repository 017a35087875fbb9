import { Link } from '@tanstack/react-router'
import type { OverviewDocument } from '../api/documents.ts'
import { inDuration, inFull } from '../format/numbers.ts'

/** Whether every gateway knows what the control plane knows. */
export function GatewaySummary({ gateways }: { gateways: OverviewDocument['gateways'] }) {
  const { all, current, version, lag_ms } = gateways
  return (
    <p className="border-t border-line pt-2 text-sm">
      <Link to="/gateways" className="font-medium text-faded underline decoration-line underline-offset-4">
        Gateways
      </Link>
      {': '}
      {all === 0 ? (
        <span className="font-medium text-broken">✗ No gateway is connected.</span>
      ) : (
        <>
          <span className={current < all ? 'font-medium text-broken' : ''}>
            {current < all && '✗ '}
            {current} of {all}
          </span>{' '}
          at version {inFull(version)}
          {lag_ms !== null && `, lag ${inDuration(lag_ms).replace(' ', '\u00a0')}`}
        </>
      )}
    </p>
  )
}
