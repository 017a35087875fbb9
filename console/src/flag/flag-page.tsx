import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { type ReactNode, useState } from 'react'
import { useCaller } from '../api/caller.ts'
import type { Environment, FlagDocument } from '../api/documents.ts'
import { ApiProblem } from '../api/problem.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { Button } from '../parts/actions/button.tsx'
import { Page } from '../parts/layout/page.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { ApplicationName } from '../parts/text/name.tsx'
import { Comparison } from './comparison.tsx'
import { Definition } from './definition.tsx'
import { FlagHistory } from './flag-history.tsx'
import { flagQuery } from './flag-queries.ts'
import type { FlagWish } from './flag-wish.ts'
import { GateForm } from './gate-form.tsx'
import { PreviewField } from './preview-field.tsx'
import { differenceInWords } from './state-in-words.ts'
import { WishDialog } from './wish-dialog.tsx'

const route = getRouteApi('/flags/$name')

/** How does the flag stand in each environment? */
export function FlagPage() {
  const { name } = route.useParams()
  const { application } = route.useSearch()
  const environment = useEnvironment()
  const { may } = useCaller()
  const flag = useQuery(flagQuery(name, application))
  const [changing, setChanging] = useState<Environment>()
  const [wish, setWish] = useState<FlagWish>()
  const problem = flag.error instanceof ApiProblem ? flag.error : undefined
  const isGone = problem?.status === 404
  const unknownApplication = problem?.errors.find(({ field }) => field === 'oauth_application')
  const mayRestore = !isGone && may('flags.restore', environment)
  const field = (
    <PreviewField {...{ name, application }} fault={unknownApplication && 'There is no such application.'} />
  )
  return (
    <Page title={name} heading={<bdi className="break-all">{name}</bdi>}>
      {flag.data === undefined && field}
      {isGone && flag.data !== undefined && (
        <p role="alert" className="rounded-md border border-edge bg-surface p-3 text-sm font-medium">
          This flag has been deleted while its page was open. What it was stands below; nothing can be changed any more.
        </p>
      )}
      <QueryPart query={flag} of="the flag">
        {(document) => (
          <div className="flex flex-col gap-4">
            <FlagState
              flag={document}
              previewField={field}
              onChange={
                isGone ? undefined : (where) => (may('flags.write', where) ? () => setChanging(where) : undefined)
              }
            />
            <FlagHistory {...{ name, environment }} onRestore={mayRestore ? setWish : undefined} />
            <Definition definition={document.definition} />
          </div>
        )}
      </QueryPart>
      {changing !== undefined && (
        <GateForm
          name={name}
          environment={changing}
          onClose={() => setChanging(undefined)}
          onWish={(wished) => {
            setChanging(undefined)
            setWish(wished)
          }}
        />
      )}
      {wish !== undefined && <WishDialog wish={wish} onClose={() => setWish(undefined)} />}
    </Page>
  )
}

interface FlagStateProps {
  readonly flag: FlagDocument
  readonly previewField: ReactNode
  /** Returns what a press does in an environment, undefined where the caller may not change it. */
  readonly onChange: ((environment: Environment) => (() => void) | undefined) | undefined
}

function FlagState({ flag, previewField, onChange }: FlagStateProps) {
  const { application, environments } = flag
  const isChangeable = onChange !== undefined && environments.some(({ environment }) => onChange(environment))
  return (
    <>
      <p className="text-lg">{differenceInWords(environments)}</p>
      {previewField}
      <Section
        title="In each environment"
        aside={
          application !== null && (
            <span className="flex min-w-0 gap-2 text-sm">
              Preview for <ApplicationName id={application.id} name={application.name} /> #{application.id}
            </span>
          )
        }
      >
        <Comparison
          flag={flag}
          actionsIn={
            isChangeable
              ? (environment) => {
                  const change = onChange(environment)
                  return change && <Button onClick={change}>Change …</Button>
                }
              : undefined
          }
        />
      </Section>
    </>
  )
}
