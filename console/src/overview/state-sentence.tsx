import { Link } from '@tanstack/react-router'
import type { OverviewDocument } from '../api/documents.ts'
import { keepUnits } from '../format/numbers.ts'
import { ShareBar } from '../parts/shares/share-bar.tsx'

/** The answer of the page: one sentence, and the shares of both sides. */
export function StateSentence({ overview }: { overview: OverviewDocument }) {
  const { sentence, attention_sentence, applications, traffic } = overview
  return (
    <div className="flex flex-col gap-3">
      <p className="text-lg leading-snug sm:text-xl">
        {keepUnits(sentence)} <strong className="font-semibold">{attention_sentence}</strong>
      </p>
      <div className="grid gap-x-6 gap-y-3 sm:grid-cols-2">
        {traffic === null ? (
          <p className="text-sm text-faded">No flow was measured within the last hour.</p>
        ) : (
          <Link to="/applications" search={{ sort: 'traffic' }} className="rounded-sm">
            <ShareBar iam={traffic.share_on_iam} of="traffic" />
          </Link>
        )}
        {applications.all > 0 && (
          <Link to="/applications" className="rounded-sm">
            <ShareBar iam={applications.on_iam / applications.all} of="applications" />
          </Link>
        )}
      </div>
    </div>
  )
}
