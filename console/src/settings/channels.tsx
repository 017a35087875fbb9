import { useQuery } from '@tanstack/react-query'
import type { ChannelsDocument } from '../api/documents.ts'
import { counted } from '../format/numbers.ts'
import { ConditionBadge } from '../parts/badges/condition.tsx'
import { Section } from '../parts/layout/section.tsx'
import { QueryPart } from '../parts/states/query-part.tsx'
import { Empty } from '../parts/states/states.tsx'
import { channelsQuery } from './settings-queries.ts'

const NAMES = { slack: 'Slack', webhook: 'Webhook', email: 'Email', issue: 'Rollout issue' } as const

/** The channels that report rollouts, and whether their messages arrive. */
export function Channels() {
  const channels = useQuery(channelsQuery)
  return (
    <Section title="Channels">
      <QueryPart query={channels} of="the channels">
        {({ channels: all }) =>
          all.length === 0 ? (
            <Empty>No channel is configured, so only this console reports rollouts. The configuration adds one.</Empty>
          ) : (
            <ul className="flex flex-col gap-1 text-sm">
              {all.map((channel) => (
                <li key={channel.name}>
                  <ChannelState channel={channel} />
                </li>
              ))}
            </ul>
          )
        }
      </QueryPart>
    </Section>
  )
}

function ChannelState({ channel }: { channel: ChannelsDocument['channels'][number] }) {
  const { name, waiting, failing, last_error: error } = channel
  if (failing > 0) {
    return (
      <ConditionBadge condition="broken">
        {NAMES[name]}: the last message about {counted(failing, 'rollout')} failed.{' '}
        {error !== null && <bdi className="break-words">{error}</bdi>}
      </ConditionBadge>
    )
  }
  return waiting > 0 ? (
    <ConditionBadge condition="pending">
      {NAMES[name]}: {counted(waiting, 'rollout')} still to report
    </ConditionBadge>
  ) : (
    <ConditionBadge condition="well">{NAMES[name]}: everything is reported</ConditionBadge>
  )
}
