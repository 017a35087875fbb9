import { z } from 'zod'
import { slackSections } from '../../../chatops/index.ts'
import { type Channel, callReceiver, type Delivery } from './channel.ts'
import { sectionsOf } from './notice.ts'
import type { SlackChannelSettings } from './settings.ts'

const answerSchema = z.object({ ok: z.boolean(), ts: z.string().optional(), error: z.string().optional() })
/** Errors of `chat.postMessage` that concern the message and not the app, the channel or Slack itself. */
const OF_MESSAGE =
  /^(invalid_blocks|invalid_blocks_format|msg_too_long|msg_blocks_too_long|no_text|too_many_attachments)$/

/**
 * Posts to a channel with `chat.postMessage`: the first message about a rollout begins its thread, the others are
 * replies in it. Replies that need a person also appear in the channel. The channel of a plan takes the place of the
 * configured one.
 */
export function slackChannel({ apiUrl, token, channel }: SlackChannelSettings): Channel {
  return {
    name: 'slack',
    async send({ notice, thread, receivers }): Promise<Delivery> {
      const { rollout, isUrgent, url } = notice
      const responsible = rollout.responsible === undefined ? [] : [`responsible: ${rollout.responsible}`]
      const context = [
        `rollout ${rollout.id}`,
        rollout.state,
        ...responsible,
        ...(url === undefined ? [] : [url]),
      ].join(' · ')
      const message = slackSections(notice.subject, sectionsOf(notice), context)
      const reply = thread === undefined ? {} : { thread_ts: thread, reply_broadcast: isUrgent }
      const headers = { authorization: `Bearer ${token}` }
      const json = {
        channel: receivers?.slack ?? channel,
        ...message,
        ...reply,
        unfurl_links: false,
        unfurl_media: false,
      }
      const called = await callReceiver({ method: 'POST', url: `${apiUrl}/chat.postMessage`, headers, json })
      if ('kind' in called) return called
      const read = answerSchema.safeParse(called.answer.json)
      if (!read.success) return { kind: 'failed', why: 'the response is not one of Slack' }
      const { ok, ts, error } = read.data
      if (ok) return { kind: 'delivered', thread: thread ?? ts }
      const word = /^[a-z_]{1,60}$/.test(error ?? '') ? error : 'an unknown error'
      return { kind: OF_MESSAGE.test(error ?? '') ? 'refused' : 'failed', why: `Slack answered ${word}` }
    },
  }
}
