import { inFigures } from '../../format/numbers.ts'

interface EvidenceBarProps {
  readonly evidence: number
  readonly threshold: number
}

/** Evidence as a short line on a logarithmic scale from 1 to its threshold, where the guard fails the application. */
export function EvidenceBar({ evidence, threshold }: EvidenceBarProps) {
  const share = Math.min(1, Math.max(0, Math.log10(Math.max(1, evidence)) / Math.log10(Math.max(10, threshold))))
  return (
    <span
      role="img"
      aria-label={`Evidence ${inFigures(evidence)} of ${inFigures(threshold)}`}
      className="block h-2 w-full overflow-hidden rounded-sm border border-edge"
    >
      <span
        className={`block h-full forced-color-adjust-none ${share >= 1 ? 'bg-broken' : 'bg-faded'}`}
        style={{ width: `${share * 100}%` }}
      />
    </span>
  )
}
