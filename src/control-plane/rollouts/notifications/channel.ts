import { type Call, type CallAnswer, CallError, call } from '../../../http/index.ts'
import type { PlanNotify } from '../../../rollouts/index.ts'
import type { Notice } from './notice.ts'

/** The channels, by the names under which the database knows them. */
export const CHANNEL_NAMES = ['slack', 'webhook', 'email', 'issue'] as const
export type ChannelName = (typeof CHANNEL_NAMES)[number]

/** One message to one channel. */
export interface Message {
  readonly notice: Notice
  /** Whom the plan of the rollout chooses; undefined for no one. */
  readonly receivers?: PlanNotify | undefined
  /** Equal for every attempt at this message, so that a receiver recognises a repetition. */
  readonly id: string
  /** What the channel returned for the first message about the rollout; undefined for that one. */
  readonly thread: string | undefined
}

/**
 * What became of a message. `refused`: the receiver rejects this very message, so a retry is useless; `failed`: anything
 * else. `why` holds no address, no secret and no text of the receiver.
 */
export type Delivery =
  | { readonly kind: 'delivered'; readonly thread?: string | undefined }
  | { readonly kind: 'failed' | 'refused'; readonly why: string; readonly retryAfterMs?: number | undefined }

/** Where messages about rollouts go. */
export interface Channel {
  readonly name: ChannelName
  /** Ends within {@link SEND_LIMIT_MS}; rejects only for a fault of the program. */
  send(message: Message): Promise<Delivery>
}

/** The time limit of one message. */
export const SEND_LIMIT_MS = 15_000

const CALL_MS = 10_000

/** Calls the receiver; the answer of a 2xx response, or why there is none. */
export async function callReceiver(
  request: Omit<Call, 'timeoutMs'>,
): Promise<{ readonly answer: CallAnswer } | Exclude<Delivery, { kind: 'delivered' }>> {
  try {
    const answer = await call({ ...request, timeoutMs: CALL_MS })
    if (answer.status >= 200 && answer.status < 300) return { answer }
    const isOfMessage = answer.status === 400 || answer.status === 413 || answer.status === 422
    const why = `answered with status ${answer.status}`
    return { kind: isOfMessage ? 'refused' : 'failed', why, retryAfterMs: retryAfterOf(answer) }
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    return { kind: 'failed', why: error.timedOut ? `no answer within ${CALL_MS} ms` : 'no connection' }
  }
}

function retryAfterOf({ headers }: CallAnswer): number | undefined {
  const seconds = Number(headers['retry-after'])
  return seconds > 0 ? seconds * 1_000 : undefined
}
