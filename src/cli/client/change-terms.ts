import { createInterface } from 'node:readline/promises'
import { z } from 'zod'
import { withoutControls } from '../../chatops/index.ts'
import { type CommandLine, type OptionSpec, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'
import { RefusedError } from './control-client.ts'
import type { Printed } from './control-command.ts'

/** The options of every command that may move applications. */
export const CHANGE_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  '--dry-run': { takes: 'nothing' },
  '--confirm': { takes: 'perhaps' },
  '--if-version': { takes: 'value' },
}

/** The help text of these options. */
export const CHANGE_HELP = `  --dry-run
      Show the resulting state and the applications that would move; change nothing.
  --confirm, --confirm=N
      Make the change although it moves applications; with a number, only if exactly N applications move. Without it,
      the command asks for confirmation at a terminal and refuses in a script.
  --if-version N
      Change only if the flag is still at this version, which 'flag get' shows.`

/** The conditions of a change. */
export interface ChangeTerms {
  readonly isDryRun: boolean
  /** True for any number of moved applications, or the exact number. */
  readonly confirm: true | number | undefined
  readonly ifVersion: number | undefined
}

/** Reads the options of {@link CHANGE_OPTIONS}. Throws {@link UsageFault}. */
export function changeTermsOf(line: CommandLine): ChangeTerms {
  const confirm = line.values.get('--confirm')?.[0]
  if (confirm !== undefined && !/^(0|[1-9]\d{0,14})$/.test(confirm)) {
    throw new UsageFault('--confirm takes the number of applications that move, or no value')
  }
  return {
    isDryRun: line.switches.has('--dry-run'),
    confirm: confirm === undefined ? line.switches.has('--confirm') || undefined : Number(confirm),
    ifVersion: versionOption(line, '--if-version'),
  }
}

/** The version given with an option; undefined without the option. Throws {@link UsageFault}. */
export function versionOption(line: CommandLine, option: string): number | undefined {
  const text = line.values.get(option)?.[0]
  if (text === undefined) return undefined
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) throw new UsageFault(`${option} must be a version number`)
  return Number(text)
}

const previewSchema = z.object({
  name: z.string(),
  environment: z.string(),
  version: z.int().nullable(),
  before: z.string(),
  after: z.string(),
  after_state: z.string().optional(),
  impact: z.object({ to_iam: z.int(), to_rails: z.int(), waiting: z.int() }),
  confirm: z.int().nullable(),
  notes: z.array(z.string()),
  warnings: z.array(z.string()).default([]),
})
/** The effect of a change, as the control plane predicts it. */
export type Preview = z.infer<typeof previewSchema>

/** Reads the response to a dry run. */
export function readPreview(json: unknown): Preview {
  return previewSchema.parse(json)
}

/** A preview as lines of text. */
export function previewLines({ name, environment, before, after, notes, warnings }: Preview): string[] {
  return [
    `${name} in ${environment}`,
    `  now:  ${before}`,
    `  then: ${after}`,
    ...notes.map((note) => `  ${note}`),
    ...warnings.map((warning) => `  warning: ${warning}`),
  ]
}

/** What a dry run prints. */
export function printedPreview(previews: readonly Preview[]): Printed {
  const lines = previews.flatMap(previewLines)
  return { json: previews.length === 1 ? previews[0] : previews, lines: [...lines, 'nothing was changed'] }
}

/**
 * Requests confirmation of a change that moves `count` applications: prompts at a terminal, and otherwise
 * rejects with {@link RefusedError}, which names the option. Resolves with the confirmed number.
 */
export async function confirmed(preview: Preview, count: number, io: CommandIo): Promise<number> {
  if (!isTerminal(io)) {
    throw new RefusedError(
      `this would set ${preview.name} in ${preview.environment} to '${preview.after}' and was not confirmed: ${preview.notes.join('; ')}. ` +
        `Nothing was changed; add --confirm=${count}, or --confirm for any number`,
    )
  }
  for (const text of previewLines(preview)) io.stderr.write(`${withoutControls(text)}\n`)
  const reader = createInterface({ input: io.stdin, output: process.stderr })
  try {
    const typed = (await reader.question(`Type ${count}, the number of applications that move, to continue: `)).trim()
    if (typed === String(count)) return count
  } finally {
    reader.close()
  }
  throw new RefusedError('the number does not match; nothing was changed')
}

/** Whether the command runs at a terminal, so that it can prompt. */
export function isTerminal(io: CommandIo): io is CommandIo & { readonly stdin: NodeJS.ReadableStream } {
  return io.stdout.isTTY === true && io.stdin?.isTTY === true
}

/** What is sent with a change in addition to the change itself; a dry run takes the first two fields only. */
export interface SentTerms {
  readonly if_version?: number
  readonly dry_run?: true
  readonly confirm?: true | number
}

/**
 * Makes a change that does not itself name the resulting state: previews it, requests confirmation if applications
 * move, and makes it only if the flag is still at the previewed version. Resolves with the response and the
 * preview; for a dry run with the preview alone.
 */
export async function lookThenChange(
  send: (terms: SentTerms) => Promise<unknown>,
  { isDryRun, confirm, ifVersion }: ChangeTerms,
  io: CommandIo,
): Promise<
  { readonly preview: Preview; readonly answer: unknown } | { readonly preview: Preview; readonly dry: true }
> {
  const given = ifVersion === undefined ? {} : { if_version: ifVersion }
  const preview = readPreview(await send({ ...given, dry_run: true }))
  if (isDryRun) return { preview, dry: true }
  const needed = confirm === undefined ? preview.confirm : null
  const by = needed === null ? confirm : await confirmed(preview, needed, io)
  const version = ifVersion ?? preview.version ?? undefined
  const answer = await send({
    ...(version === undefined ? {} : { if_version: version }),
    ...(by === undefined ? {} : { confirm: by }),
  })
  return { preview, answer }
}
