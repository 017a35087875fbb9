import { z } from 'zod'
import {
  CAUSE_HELP,
  CAUSE_OPTIONS,
  CONTROL_HELP,
  type ControlClient,
  RefusedError,
} from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP } from '../../client/environment-options.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'
import { LIST_OPTIONS, listPlan } from './application-table.ts'

const HELP = `Usage: handover applications [list] [--failing] [--search TEXT] [--side iam|rails] [options]
       handover applications confirm ID...|--all [options]

Lists applications, those in trouble first: the side on which new flows begin, the gate of the flag that decides, whether
IAM holds the current version, and what gateways report of the requests at IAM within the last five to ten minutes.

  --failing           only those that are moved and fail at IAM
  --not-arrived       only those whose current version IAM does not hold
  --side iam|rails    only those whose new flows begin there, by flag and arrival
  --search TEXT       only those with this text in the name or client_id, or with this id
  --limit N           show at most N. Default: 50; with --json all.
${ENVIRONMENT_HELP}

'confirm' confirms that IAM holds the current version of applications, so that the flag can move them. Use it for an IAM in which
your platform creates applications itself; Handover's own IAM confirms what replication delivers. Confirm an application
again after each change of it, or let the control plane's iam_applications: by_platform do so.

  ID                  one or more, by id or client_id
  --all               every application that has not arrived
${CAUSE_HELP}
${CONTROL_HELP}`

const CONFIRM_OPTIONS: Readonly<Record<string, OptionSpec>> = { '--all': { takes: 'nothing' }, ...CAUSE_OPTIONS }
const OPTIONS = { ...LIST_OPTIONS, ...CONFIRM_OPTIONS }

/** What `handover applications` can do, by its first word. */
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

/** A hundred thousand applications take a moment to list. */
const LIMIT_MS = 60_000

/** `handover applications`: what the control plane knows of applications. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const command = { name: 'applications', help: HELP, options: OPTIONS, timeoutMs: LIMIT_MS, plan }
  return runControlCommand(command, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const [action = 'list', ...words] = line.words
  const known = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined
  if (known === undefined) throw new UsageFault(`say one of ${Object.keys(ACTIONS).join(', ')}`)
  return known(words, line)
}

function list(words: readonly string[], line: CommandLine): ControlPlan {
  if (words.length > 0) throw new UsageFault('list takes no words; --search TEXT picks some')
  refuse(CONFIRM_OPTIONS, 'confirm', line)
  return listPlan(line)
}

/** Throws {@link UsageFault} for an option that means something to another action only. */
function refuse(options: Readonly<Record<string, OptionSpec>>, owner: string, line: CommandLine): void {
  const stray = Object.keys(options).find((option) => line.switches.has(option) || line.values.has(option))
  if (stray !== undefined) throw new UsageFault(`${stray} goes with '${owner}' only`)
}

function confirm(names: readonly string[], line: CommandLine): ControlPlan {
  refuse(LIST_OPTIONS, 'list', line)
  const isAll = line.switches.has('--all')
  if (isAll === names.length > 0) throw new UsageFault('name applications by id or client_id, or say --all')
  return async (ask) => {
    const found = isAll ? await notArrived(ask) : await Promise.all(names.map((name) => find(ask, name)))
    const done: ApplicationRecord[] = []
    for (const application of found) {
      const { id, version } = application
      const answer = await ask('PATCH', `/api/v1/applications/${id}`, { iam_version: version }).catch(
        (error: unknown) => {
          if (!(error instanceof RefusedError) || done.length === 0) throw error
          throw new RefusedError(`application ${id}: ${error.message} (${done.length} were confirmed before)`, {
            cause: error,
          })
        },
      )
      if (confirmedSchema.parse(answer).applied) done.push({ ...application, iam_version: version })
    }
    const lines = done.map(({ id, client_id, version }) => `${id} (${client_id}): IAM holds version ${version}`)
    return { json: { confirmed: done }, lines: lines.length > 0 ? lines : ['IAM held the current version already'] }
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
