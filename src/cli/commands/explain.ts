import { z } from 'zod'
import { shownName } from '../../applications/index.ts'
import { CONTROL_HELP, type ControlClient, RefusedError } from '../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from '../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'

const HELP = `Usage: handover explain --client-id ID [--path PATH] [options]

Explains where a request would be routed and why. It uses the same decision code as the gateway.

  --client-id ID
      The client, by client_id or by the id of its application; it is added to the query of the path.
  --path PATH
      The path and query of the request. Default: /oauth/authorize.
  --method METHOD
      The method of the request. Default: GET, or POST with a body.
  --header 'NAME: VALUE'
      A header of the request; may be repeated.
  --body TEXT
      The body of the request: a form, or JSON.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const OPTIONS = {
  '--client-id': { takes: 'value' },
  '--path': { takes: 'value' },
  '--method': { takes: 'value' },
  '--header': { takes: 'values' },
  '--body': { takes: 'value' },
  ...ENVIRONMENT_OPTIONS,
} as const

const answerSchema = z.object({
  environment: z.string(),
  version: z.int(),
  destination: z.string(),
  reason: z.string(),
  because: z.array(z.string()),
  gateways: z.object({ in_words: z.array(z.string()) }).optional(),
})

const applicationSchema = z.object({
  id: z.int(),
  client_id: z.string(),
  application: z.object({ name: z.string() }),
  password_grant: z.object({ application: z.string(), used: z.string().optional(), iam: z.string() }).optional(),
  used_kinds: z.array(z.object({ kind: z.string(), flows: z.number(), last_on: z.string() })).optional(),
})
type Application = z.infer<typeof applicationSchema>

/** `handover explain`: shows the routing decision for a request. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  return runControlCommand({ name: 'explain', help: HELP, options: OPTIONS, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const question = questionOf(line)
  return async (ask) => {
    const application = await applicationOf(ask, line)
    const client = application === undefined ? {} : { client_id: application.client_id }
    const json = await ask('POST', '/api/v1/explain', { ...question, ...client })
    const answer = answerSchema.parse(json)
    const lines = [
      `${answer.destination} (${answer.reason})`,
      ...answer.because.map((reason) => `  ${reason}`),
      ...(application === undefined
        ? []
        : [`  application ${application.id}, ${shownName(application.application.name)}`]),
      ...usedLines(application),
      ...passwordLines(application),
      `  by version ${answer.version} of ${answer.environment}`,
      ...(answer.gateways?.in_words ?? ['IAM is assumed to be up']).map((words) => `  ${words}`),
    ]
    return { json, lines }
  }
}

/** The kinds of flow that the application uses, the most frequent first; empty without an application. */
function usedLines(application: Application | undefined): string[] {
  const used = application?.used_kinds
  if (used === undefined) return []
  if (used.length === 0) return ['  no flow of it succeeded within the last 30 days']
  const kinds = used.toSorted((one, other) => other.flows - one.flows)
  return [`  used within the last 30 days: ${kinds.map(({ kind, flows }) => `${kind} (${flows})`).join(', ')}`]
}

/** Warns that the password grant would stop working; empty if IAM serves it or the application does not use it. */
function passwordLines(application: Application | undefined): string[] {
  const { application: registered, used, iam } = application?.password_grant ?? {}
  if (iam !== 'no' || registered === 'refused') return []
  if (used === 'yes') return ['  IAM cannot serve the password grant, which the application uses']
  if (registered === 'allowed') return ['  IAM cannot serve the password grant; the application may use it']
  if (used === 'no') return []
  return ['  IAM cannot serve the password grant; whether the application uses it is unknown']
}

/** The application with this id or client_id at the control plane; undefined if there is none. */
async function applicationOf(ask: ControlClient, line: CommandLine) {
  const named = line.values.get('--client-id')?.[0]
  if (named === undefined || named === '') return undefined
  try {
    const path = `/api/v1/applications/${encodeURIComponent(named)}?environment=${environmentOf(line)}`
    return applicationSchema.parse(await ask('GET', path))
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return undefined
    throw error
  }
}

function questionOf(line: CommandLine): Record<string, unknown> {
  const value = (name: string) => line.values.get(name)?.[0]
  if (line.words.length > 0) throw new UsageFault(`${JSON.stringify(line.words[0]?.slice(0, 40))} is not an option`)
  const clientId = value('--client-id')
  const path = value('--path')
  const body = value('--body')
  if (clientId === undefined && path === undefined && body === undefined) {
    throw new UsageFault('specify a request with --client-id ID or --path PATH')
  }
  const method = value('--method') ?? (body === undefined ? 'GET' : 'POST')
  const headers = Object.fromEntries((line.values.get('--header') ?? []).map(readHeader))
  return {
    environment: environmentOf(line),
    method,
    headers,
    ...(path === undefined ? {} : { path }),
    ...(clientId === undefined ? {} : { client_id: clientId }),
    ...(body === undefined ? {} : { body }),
  }
}

function readHeader(text: string): [string, string] {
  const colon = text.indexOf(':')
  if (colon < 1) throw new UsageFault("--header must look like 'NAME: VALUE'")
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()]
}
