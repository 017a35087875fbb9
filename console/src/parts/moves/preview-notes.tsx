import type { PreviewDocument } from '../../api/documents.ts'
import { counted } from '../../format/numbers.ts'

/** What a dry run notes and warns of, in the words of the control plane. */
export function PreviewNotes({ preview }: { preview: PreviewDocument }) {
  const { notes, warnings = [] } = preview
  return (
    <>
      <ul className="flex flex-col gap-1 text-faded">
        {notes.map((note) => (
          <li key={note} className="break-words">
            {note}
          </li>
        ))}
      </ul>
      {warnings.map((warning) => (
        <p key={warning} className="border-l-4 border-broken pl-2 break-words">
          {warning}
        </p>
      ))}
    </>
  )
}

/** The applications that would move later, as a sentence to append; empty if there are none. */
export function waitingInWords(waiting: number): string {
  return waiting === 0 ? '' : ` ${counted(waiting, 'application')} would move once iam holds the current version.`
}
