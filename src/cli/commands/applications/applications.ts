import { z } from 'zod'
import {
  CONTROL_HELP,
  type ControlClient,
  REASON_HELP,
  REASON_OPTIONS,
  RefusedError,
} from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP } from '../../client/environment-options.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { LIST_OPTIONS, listPlan } from './application-table.ts'

const HELP = `Usage: handover applications [list] [--failing] [--search TEXT] [--side iam|rails] [options]
       handover applications confirm ID...|--all [options]

Lists applications, failing ones first: the side on which new flows start, the flag gate that decides it, whether IAM
has the current version, and what gateways report about requests at IAM in the last five to ten minutes.

  --failing           only applications that have moved and fail at IAM
  --not-arrived       only applications whose current version IAM does not have
  --side iam|rails    only applications whose new flows start there, by flag and arrival
  --search TEXT       only applications with this text in the name or client_id, or with this id
  --limit N           show at most N. Default: 50, or all with --json.
${ENVIRONMENT_HELP}

'confirm' confirms that IAM has the current version of applications, so that the flag can move them. Use it for an IAM
in which your platform creates applications itself; Handover's own IAM confirms what replication delivers. Confirm an
application again after each change to it, or set iam_applications: by_platform at the control plane.

  ID                  one or more applications, by id or client_id
  --all               every application that has not arrived
${REASON_HELP}
${CONTROL_HELP}`

const CONFIRM_OPTIONS: Readonly<Record<string, OptionSpec>> = { '--all': { takes: 'nothing' }, ...REASON_OPTIONS }
const OPTIONS = { ...LIST_OPTIONS, ...CONFIRM_OPTIONS }

/** The actions of `handover applications`, by their first word. */
const ACTIONS: Readonly<Record<string, (words: readonly string[], line: CommandLine) => ControlPlan>> = {
  list,
  confirm,
}

const recordSchema = z.object({
  id: z.int(),
  client_id: z.string(),
  version: z.int(),
  iam_version: z.int().nullable(),
})
type ApplicationRecord = z.infer<typeof recordSchema>
const listSchema = z.object({ applications: z.array(recordSchema), next: z.int().nullable() })
const confirmedSchema = z.object({ applied: z.boolean() })

/** Listing a hundred thousand applications takes a while. */
const LIMIT_MS = 60_000

/** `handover applications`: lists and confirms applications. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const command = { name: 'applications', help: HELP, options: OPTIONS, timeoutMs: LIMIT_MS, plan }
  return runControlCommand(command, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const [action = 'list', ...words] = line.words
  const known = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined
  if (known === undefined) throw new UsageFault(`specify one of ${Object.keys(ACTIONS).join(', ')}`)
  return known(words, line)
}

function list(words: readonly string[], line: CommandLine): ControlPlan {
  if (words.length > 0) throw new UsageFault('list takes no arguments; use --search TEXT to filter')
  refuse(CONFIRM_OPTIONS, 'confirm', line)
  return listPlan(line)
}

/** Throws {@link UsageFault} for an option that belongs to another action. */
function refuse(options: Readonly<Record<string, OptionSpec>>, owner: string, line: CommandLine): void {
  const stray = Object.keys(options).find((option) => line.switches.has(option) || line.values.has(option))
  if (stray !== undefined) throw new UsageFault(`${stray} is only valid with '${owner}'`)
}

function confirm(names: readonly string[], line: CommandLine): ControlPlan {
  refuse(LIST_OPTIONS, 'list', line)
  const isAll = line.switches.has('--all')
  if (isAll === names.length > 0) throw new UsageFault('specify applications by id or client_id, or use --all')
  return async (ask) => {
    const found = isAll ? await notArrived(ask) : await Promise.all(names.map((name) => find(ask, name)))
    const done: ApplicationRecord[] = []
    for (const application of found) {
      const { id, version } = application
      const answer = await ask('PATCH', `/api/v1/applications/${id}`, { iam_version: version }).catch(
        (error: unknown) => {
          if (!(error instanceof RefusedError) || done.length === 0) throw error
          throw new RefusedError(`application ${id}: ${error.message} (${done.length} were confirmed before it)`, {
            cause: error,
          })
        },
      )
      if (confirmedSchema.parse(answer).applied) done.push({ ...application, iam_version: version })
    }
    const lines = done.map(({ id, client_id, version }) => `${id} (${client_id}): IAM holds version ${version}`)
    return { json: { confirmed: done }, lines: lines.length > 0 ? lines : ['IAM already holds the current version'] }
  }
}

async function notArrived(ask: ControlClient): Promise<ApplicationRecord[]> {
  const found: ApplicationRecord[] = []
  for (let after: number | null = 0; after !== null; ) {
    const page = listSchema.parse(await ask('GET', `/api/v1/applications?arrived=false&limit=1000&after=${after}`))
    found.push(...page.applications)
    after = page.next
  }
  return found
}

async function find(ask: ControlClient, name: string): Promise<ApplicationRecord> {
  return recordSchema.parse(await ask('GET', `/api/v1/applications/${encodeURIComponent(name)}`))
}
