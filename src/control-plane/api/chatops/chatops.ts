import { z } from 'zod'
import type { ChatAnswer } from '../../../chatops/index.ts'
import { terminalLines } from '../../../chatops/index.ts'
import { OPERATORS } from '../../access/roles/roles.ts'
import type { Principal } from '../../chatops/context/principal.ts'
import type { Api, ControlContext } from '../../control-context.ts'
import { callerContext } from '../../flags/request-context.ts'
import { callerOf } from '../hooks/authentication.ts'

const answerSchema = z.object({
  command: z.string(),
  outcome: z.enum(['done', 'partial', 'waiting', 'refused', 'info']).describe('The result of the command'),
  sections: z.array(
    z.object({
      heading: z.string(),
      tone: z.enum(['done', 'info', 'waiting', 'refused', 'not_done']),
      lines: z.array(z.string()),
    }),
  ),
  text: z.string().describe('The same as lines for a terminal'),
  correlation_id: z.string(),
})

/** Runs Slack commands, as typed there, for the holder of a token. */
export function chatOpsRoutes(api: Api, control: ControlContext): void {
  api.post(
    '/api/v1/chatops',
    {
      config: { roles: OPERATORS, environment: 'judged' },
      schema: {
        tags: ['chatops'],
        summary: 'Run a command as typed in Slack; a production check may delay the response',
        body: z.strictObject({ text: z.string().max(4_000) }),
        response: { 200: answerSchema },
      },
    },
    async (request) => {
      const { text } = request.body
      const understood = control.chatops.understand(text, request.id)
      if ('answer' in understood) return documentOf(understood.answer)
      const { by: name, role, channel, from } = callerContext(request)
      const principal: Principal = {
        ...{ name, role, channel, from },
        mayChange: callerOf(request).environments,
        slackChannel: undefined,
      }
      const { signal } = control.chatops
      const run = { principal, correlationId: request.id, progress: async () => {}, signal }
      return documentOf(await control.chatops.carryOut(understood.command, text, run))
    },
  )
}

function documentOf(answer: ChatAnswer): z.infer<typeof answerSchema> {
  const { command, outcome, sections, correlationId } = answer
  return {
    command,
    outcome,
    sections: sections.map((section) => ({ ...section, lines: [...section.lines] })),
    text: terminalLines(answer).join('\n'),
    correlation_id: correlationId,
  }
}
