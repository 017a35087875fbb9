import { useQuery } from '@tanstack/react-query'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { Time } from '../parts/text/time.tsx'
import { ClientAnswers } from './client-answers.tsx'
import { CorrelationAnswer } from './correlation-answer.tsx'
import { type AskedIn, clientQuery, clientsQuery, requestQuery } from './explain-queries.ts'
import type { LoggedDecision, Pasted, PastedRequest } from './read-pasted.ts'
import { RequestAnswer } from './request-answer.tsx'

interface AnswerProps {
  readonly pasted: Pasted
  readonly askedIn: AskedIn
  /** The assumption, as it completes "with …". */
  readonly assumption: string | undefined
}

/** The answer to what was pasted. */
export function Answer({ pasted, ...asked }: AnswerProps) {
  switch (pasted.kind) {
    case 'nothing':
      return <Empty>Paste something above to see where it goes, and why.</Empty>
    case 'unreadable':
      return (
        <p role="alert" className="text-sm">
          <strong className="text-broken">✗ This cannot be read.</strong> {pasted.why}
        </p>
      )
    case 'correlation':
      return <CorrelationAnswer id={pasted.id} />
    case 'request':
      return <OfRequest request={pasted.request} {...asked} />
    case 'decision':
      return <OfDecision decision={pasted.decision} {...asked} />
    case 'clients': {
      const [first = '', ...others] = pasted.clients
      return others.length === 0 ? (
        <OfClient client={first} {...asked} />
      ) : (
        <OfClients clients={pasted.clients} {...asked} />
      )
    }
  }
}

type Asked = Omit<AnswerProps, 'pasted'>

function OfRequest({ request, askedIn, assumption }: Asked & { request: PastedRequest }) {
  const query = useQuery(requestQuery(request, askedIn))
  return (
    <QueryPart query={query} of="where this request goes">
      {(answer) => <RequestAnswer answer={answer} assumption={assumption} />}
    </QueryPart>
  )
}

function OfClient({ client, askedIn, assumption }: Asked & { client: string }) {
  const query = useQuery(clientQuery(client, askedIn))
  return (
    <QueryPart query={query} of="where this client goes">
      {(answer) => <RequestAnswer answer={answer} assumption={assumption} />}
    </QueryPart>
  )
}

function OfClients({ clients, askedIn, assumption }: Asked & { clients: readonly string[] }) {
  const query = useQuery(clientsQuery(clients, askedIn))
  return (
    <QueryPart query={query} of="where these clients go">
      {({ clients: answers }) => <ClientAnswers clients={answers} assumption={assumption} />}
    </QueryPart>
  )
}

function OfDecision({ decision, ...asked }: Asked & { decision: LoggedDecision }) {
  const { client, destination, reason, at } = decision
  return (
    <div className="flex flex-col gap-4">
      <p className="text-lg">
        The gateway sent it to {destination}
        {at !== undefined && (
          <>
            {' '}
            at <Time at={at} />
          </>
        )}
        , with the reason <span className="font-mono text-base">{reason}</span>.
        {client === undefined ? ' It names no client.' : ' A new flow of the same client now:'}
      </p>
      {client !== undefined && <OfClient client={client} {...asked} />}
    </div>
  )
}
