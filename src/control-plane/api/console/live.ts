import { z } from 'zod'
import { PEOPLE } from '../../access/roles/roles.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { sendProblem } from '../../requests/problems.ts'
import { TOPICS } from '../../state/live/topics.ts'
import { environmentField } from '../flags/flags.ts'
import { callerOf } from '../hooks/authentication.ts'

const EVENT_ID = /^\d{1,15}$/
/** When a refused caller should try again. */
const RETRY_S = 5

const DESCRIPTION = `Server-sent events. \`changed\` carries \`{"topics": [...]}\`: what has changed since the message before, at
most 4 times a second; the topics are ${TOPICS.join(', ')} and, for one rollout, \`rollouts/<id>\`. \`reset\` says that changes
may have been missed, \`session_ended\` that the caller has to sign in again. A comment is sent every 2 s. \`Last-Event-ID\`
resumes a stream at any replica. A session or token may have at most 20 open streams, and a replica 2,000; the next one is
answered with 429 and \`Retry-After\`.`

/** `GET /api/v1/events`: which parts of the console's pages have changed. */
export function liveRoutes(api: Api, control: ControlContext): void {
  api.get(
    '/api/v1/events',
    {
      config: { roles: PEOPLE },
      exposeHeadRoute: false,
      schema: {
        tags: ['console'],
        summary: 'A stream of what has changed, for pages that show it',
        description: DESCRIPTION,
        querystring: z.object({ environment: environmentField }),
      },
    },
    async (request, reply) => {
      const { by } = callerOf(request)
      const refusal = control.live.refusalOf(by)
      if (refusal !== undefined) {
        const detail = `${refusal}; try again in ${RETRY_S} s`
        return sendProblem(reply.header('Retry-After', String(RETRY_S)), 429, 'too_many_streams', { detail })
      }
      const given = request.headers['last-event-id']
      const lastEventId = typeof given === 'string' && EVENT_ID.test(given) ? Number(given) : undefined
      reply.hijack()
      const response = reply.raw
      response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
      })
      response.flushHeaders()
      response.socket?.setKeepAlive(true, 5_000)
      response.socket?.setNoDelay(true)
      await control.live.serve(response, {
        environment: request.query.environment,
        by: { kind: by.kind, id: by.id },
        // An id that is no number of ours cannot be resumed from.
        lastEventId: given === undefined ? undefined : (lastEventId ?? 0),
      })
    },
  )
}
