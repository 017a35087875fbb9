import { getRouteApi, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { useCaller } from '../api/caller.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Button } from '../parts/actions/button.tsx'
import { TextArea } from '../parts/fields/text-area.tsx'
import { Page } from '../parts/layout/page.tsx'
import { Answer } from './answer.tsx'
import { AssumptionChoice } from './assumption-choice.tsx'
import { assumptionInWords, assumptionOf } from './explain-search.ts'
import { readPasted } from './read-pasted.ts'

const route = getRouteApi('/explain')

/** Why did this request go there? */
export function ExplainPage() {
  const environment = useEnvironment()
  const { csrfToken, me } = useCaller()
  const { ask = '', assume } = route.useSearch()
  const navigate = useNavigate()
  const [typed, setTyped] = useState(ask)
  // What is asked; a request stays here only, because the address must hold no secret.
  const [asked, setAsked] = useState(ask)
  const explain = () => {
    const { kind } = readPasted(typed)
    const isHarmless = kind === 'clients' || kind === 'correlation'
    setAsked(typed)
    void navigate({
      to: '/explain',
      search: (now) => ({ ...now, ask: isHarmless ? typed.trim() : undefined }) as typeof now,
      replace: true,
    })
  }
  return (
    <Page title="Explain">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault()
          explain()
        }}
      >
        <TextArea
          label="A request, client ids, a correlation id, or a line of a gateway’s log"
          hint="A request is decided exactly as a gateway would decide it, and is not sent anywhere. It stays out of the address, because it may hold secrets."
          rows={Math.min(12, Math.max(3, typed.split('\n').length))}
          spellCheck={false}
          autoComplete="off"
          maxLength={100_000}
          placeholder="GET /oauth/authorize?client_id=…"
          value={typed}
          onChange={({ target }) => setTyped(target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) explain()
          }}
        />
        <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
          <Button type="submit" weight="primary">
            Explain
          </Button>
          <AssumptionChoice assume={assume} />
        </div>
      </form>
      {me !== undefined && (
        <Answer
          pasted={readPasted(asked)}
          askedIn={{ environment, assume: assumptionOf(assume), csrfToken }}
          assumption={assume === undefined ? undefined : assumptionInWords(assume)}
        />
      )}
    </Page>
  )
}
