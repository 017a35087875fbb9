import { useQuery } from '@tanstack/react-query'
import type { TrafficDocument } from '../api/documents.ts'
import { trafficQuery } from '../api/queries.ts'
import { useEnvironment } from '../api/selected-environment.ts'
import { inFigures } from '../format/numbers.ts'
import { SideBadge } from '../parts/badges/side.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'

type Kind = TrafficDocument['by_kind'][number]

/** The kinds of flow in words. */
export const KINDS: Readonly<Record<Kind['kind'], string>> = {
  sign_in: 'code → token',
  device: 'device',
  refresh: 'refresh',
  client_credentials: 'client credentials',
  password: 'password',
  introspect: 'introspect',
  revoke: 'revoke',
  userinfo: 'userinfo',
}

/** How its flows ended, by kind and side. */
export function FlowsByKind({ id }: { id: string }) {
  const traffic = useQuery(trafficQuery(useEnvironment(), 'day', id))
  return (
    <Section title="Flows, last day">
      <QueryPart query={traffic} of="its flows">
        {({ by_kind: kinds }) =>
          kinds.length === 0 ? (
            <Empty>No flow within the last day.</Empty>
          ) : (
            <table className="w-full text-left text-sm">
              <thead>
                <tr>
                  <th scope="col" className="py-1 pr-3 font-medium text-faded">
                    Kind
                  </th>
                  {(['rails', 'iam'] as const).map((side) => (
                    <th key={side} scope="col" className="py-1 pr-3">
                      <SideBadge side={side} />
                    </th>
                  ))}
                  {hasPast(kinds) && (
                    <th scope="col" className="py-1 font-medium text-faded">
                      rails, week before the move
                    </th>
                  )}
                </tr>
              </thead>
              <tbody>
                {kinds.map(({ kind, rails, iam, before_flip: past }) => (
                  <tr key={kind} className="border-t border-line">
                    <th scope="row" className="py-1.5 pr-3 font-normal">
                      {KINDS[kind]}
                    </th>
                    <td className="pr-3">
                      <Causes causes={rails} />
                    </td>
                    <td className="pr-3">
                      <Causes causes={iam} />
                    </td>
                    {hasPast(kinds) && <td>{past !== null && <Causes causes={past} />}</td>}
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </QueryPart>
    </Section>
  )
}

/** One that was never moved has no past to compare with. */
const hasPast = (kinds: readonly Kind[]) => kinds.some(({ before_flip: past }) => past !== null)

/** Successes and failures with their marks; failures that the side did not cause are named apart. */
function Causes({ causes: { success, failed, client, user, ours } }: { causes: Kind['rails'] }) {
  const others = [
    client > 0 && `${inFigures(client)} by the client`,
    user > 0 && `${inFigures(user)} by the user`,
    ours > 0 && `${inFigures(ours)} by Handover`,
  ].filter((text) => text !== false)
  if (success + failed + others.length === 0) return <span className="text-faded">–</span>
  return (
    <span className="flex flex-wrap gap-x-2">
      <span>
        {inFigures(success)} <span className="text-passed">✓</span>
      </span>
      {failed > 0 && <span className="font-medium text-broken">{inFigures(failed)} ✗</span>}
      {others.length > 0 && <span className="text-faded">{others.join(', ')}</span>}
    </span>
  )
}
