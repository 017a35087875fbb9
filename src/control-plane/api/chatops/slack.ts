import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import {
  type ChatAnswer,
  type Command,
  isResponseUrl,
  SIGNATURE_WINDOW_S,
  slackMessage,
  slackSignatureFault,
} from '../../../chatops/index.ts'
import type { Principal, Run } from '../../chatops/context/principal.ts'
import { deliver } from '../../chatops/delivery.ts'
import type { SlackSettings, SlackUser } from '../../chatops/settings.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { parsePairs } from '../../requests/form.ts'
import { sendProblem } from '../../requests/problems.ts'

const PATH = '/api/v1/chatops/slack'
/** Slack's commands are under 4 kB; a longer request does not come from Slack. */
const BODY_LIMIT = 16_384
/** The maximum number of Slack commands in progress. */
const MAX_UNDER_WAY = 50

const messageSchema = z.object({ response_type: z.string(), text: z.string(), blocks: z.array(z.unknown()).optional() })

/** Slack's slash command: signed, acknowledged at once, and answered at its response URL when it is done. */
export function slackRoutes(api: Api, control: ControlContext): void {
  api.register(async (scope: Api) => {
    // The signature covers the raw bytes.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body)
    })
    scope.post(
      PATH,
      {
        config: { roles: 'anyone' },
        bodyLimit: BODY_LIMIT,
        validatorCompiler: () => (data: unknown) => ({ value: data }),
        schema: {
          tags: ['chatops'],
          summary: "Slack slash command, signed with Slack's v0 signature",
          security: [],
          response: { 200: messageSchema },
        },
      },
      (request, reply) => answerSlack(control, request, reply),
    )
  })
}

async function answerSlack(control: ControlContext, request: FastifyRequest, reply: FastifyReply) {
  const { slack } = control.chatops.settings
  if (slack === undefined) return sendProblem(reply, 404, 'not_found', { detail: 'Slack is not configured' })
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const why = await signatureFault(control, slack, request, body)
  if (why !== undefined) {
    // Unauthenticated callers can cause any number of these.
    if (control.logSampling.admit('slack_signature')) {
      control.log.warn({ correlation_id: request.id, why }, 'chatops: Slack request rejected')
    }
    return sendProblem(reply, 401, 'unauthorized', { detail: 'the signature is invalid' })
  }
  const fields = readFields(body)
  if (fields === undefined) return say(reply, 'That could not be read.')
  const principal = principalOf(slack, fields)
  if (principal === undefined) {
    control.log.warn({ correlation_id: request.id, slack_id: fields.userId }, 'chatops: unknown Slack user')
    return say(reply, `You are not known here: ask for your Slack id ${fields.userId} to be added. (${request.id})`)
  }
  const understood = control.chatops.understand(fields.text, request.id)
  if ('answer' in understood) return sayAnswer(reply, understood.answer, principal)
  if (!isResponseUrl(fields.responseUrl, slack.responseHosts)) {
    control.log.warn({ correlation_id: request.id }, 'chatops: the response URL is not an address of Slack')
    return say(reply, `Nothing was done: the response URL is not Slack's. (${request.id})`)
  }
  if (control.chatops.underWay >= MAX_UNDER_WAY)
    return say(reply, 'Nothing was done: too many commands are in progress.')
  control.chatops.inBackground(carryOut(control, understood.command, fields, { principal, correlationId: request.id }))
  return say(reply, `On it. (${request.id})`)
}

async function signatureFault(
  control: ControlContext,
  { signingSecret }: SlackSettings,
  request: FastifyRequest,
  body: Buffer,
): Promise<string | undefined> {
  const header = (name: string) => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : undefined
  }
  const signed = { timestamp: header('x-slack-request-timestamp'), signature: header('x-slack-signature') }
  const fault = slackSignatureFault(signingSecret, signed, body, Math.floor(Date.now() / 1_000))
  if (fault !== undefined) return fault
  // Shared by all replicas, for as long as the timestamp would be accepted.
  const { database, schema } = control.store
  const digest = createHash('sha256')
    .update(signed.signature ?? '')
    .digest()
  await database.query(`delete from ${schema}.seen_signatures where seen_at < now() - make_interval(secs => $1)`, [
    SIGNATURE_WINDOW_S * 3,
  ])
  const fresh = await database.query(
    `insert into ${schema}.seen_signatures (digest) values ($1) on conflict do nothing returning digest`,
    [digest],
  )
  return fresh.length === 0 ? 'replayed' : undefined
}

interface SlackFields {
  readonly text: string
  readonly userId: string
  readonly channelId: string
  readonly teamId: string
  readonly responseUrl: string
}

/** The fields of a slash command; undefined if the form is malformed or repeats a field. */
function readFields(body: Buffer): SlackFields | undefined {
  const pairs = parsePairs(body.toString('latin1'))
  if ('fault' in pairs) return undefined
  const values = new Map(pairs)
  if (values.size !== pairs.length) return undefined
  const field = (name: string) => values.get(name) ?? ''
  return {
    text: field('text'),
    userId: /^[A-Z0-9]{1,32}$/.test(field('user_id')) ? field('user_id') : '',
    channelId: field('channel_id'),
    teamId: field('team_id'),
    responseUrl: field('response_url'),
  }
}

/**
 * The user who sent the command; undefined for another workspace, or for an unlisted user where those have no access.
 */
function principalOf(slack: SlackSettings, { userId, teamId, channelId }: SlackFields): Principal | undefined {
  if (userId === '' || (slack.teamIds.length > 0 && !slack.teamIds.includes(teamId))) return undefined
  const known: SlackUser | undefined = slack.people.find(({ slackId }) => slackId === userId)
  if (known === undefined && !slack.letsStrangersLook) return undefined
  const { name, mayChange } = known ?? { name: `slack:${userId}`, mayChange: [] }
  const role = known === undefined ? 'stranger' : 'slack'
  return {
    name,
    role,
    mayChange,
    channel: 'slack',
    from: `${teamId}/${channelId}`.slice(0, 200),
    slackChannel: channelId,
  }
}

async function carryOut(
  control: ControlContext,
  command: Command,
  { text, responseUrl }: SlackFields,
  { principal, correlationId }: Pick<Run, 'principal' | 'correlationId'>,
): Promise<void> {
  const { chatops, log } = control
  const post = async (message: object, isPublic: boolean) => {
    const body = { response_type: isPublic ? 'in_channel' : 'ephemeral', replace_original: false, ...message }
    const delivery = await deliver(responseUrl, body, chatops.signal)
    if (delivery.kind === 'failed') {
      log.warn({ correlation_id: correlationId, why: delivery.why }, 'chatops: answer could not be delivered to Slack')
    }
  }
  const progress = (words: string) => post({ text: `${words} (${correlationId})` }, false)
  try {
    const answer = await chatops.carryOut(command, text, { principal, correlationId, progress, signal: chatops.signal })
    const isChange = command.kind.startsWith('feature_') && answer.outcome !== 'info'
    await post(slackMessage(answer, principal.name), isChange)
  } catch (error) {
    log.error({ err: error, correlation_id: correlationId }, 'chatops: Slack command failed')
    await post(
      { text: `The command failed; see the log of the control plane, correlation id ${correlationId}.` },
      false,
    )
  }
}

function say(reply: FastifyReply, text: string): FastifyReply {
  return reply.code(200).send({ response_type: 'ephemeral', text })
}

function sayAnswer(reply: FastifyReply, answer: ChatAnswer, principal: Principal): FastifyReply {
  const { text, blocks } = slackMessage(answer, principal.name)
  return reply.code(200).send({ response_type: 'ephemeral', text, blocks: [...blocks] })
}
