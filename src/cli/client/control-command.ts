import { withoutControls } from '../../chatops/index.ts'
import { type CommandLine, type OptionSpec, readCommandLine, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'
import { CONTROL_OPTIONS, type ControlClient, controlClient, RefusedError } from './control-client.ts'

/** A command that calls a control plane. */
export interface ControlCommand {
  readonly name: string
  readonly help: string
  /** Its options in addition to {@link CONTROL_OPTIONS}. */
  readonly options: Readonly<Record<string, OptionSpec>>
  /** Time limit of a call; by default 10 s. */
  readonly timeoutMs?: number
  /** Checks the arguments, throwing {@link UsageFault}, and returns what to do with a control plane. */
  readonly plan: (line: CommandLine) => ControlPlan | LonePlan
}

/** What to print: the response for `--json`, and lines of text otherwise. */
export interface Printed {
  readonly json: unknown
  readonly lines: readonly string[]
  /** Replaces both: printed as it arrives. */
  readonly text?: AsyncIterable<string>
  /** Default 0; a function is asked after everything is printed. */
  readonly exitCode?: 0 | 1 | (() => 0 | 1)
}

/** Resolves with what to print. */
export type ControlPlan = (ask: ControlClient) => Promise<Printed>

/** A plan that needs no control plane. */
export interface LonePlan {
  readonly alone: () => ReturnType<ControlPlan>
}

/** Runs such a command; resolves with 0 (success), 1 (refused or no response) or 2 (invalid usage). */
export async function runControlCommand(
  command: ControlCommand,
  args: readonly string[],
  io: CommandIo,
): Promise<number> {
  try {
    const line = readCommandLine(args, { ...CONTROL_OPTIONS, ...command.options })
    if (line.switches.has('--help') || line.switches.has('-h')) {
      io.stdout.write(command.help)
      return 0
    }
    const plan = command.plan(line)
    const { json, lines, text, exitCode } = await ('alone' in plan
      ? plan.alone()
      : plan(controlClient(line, io, command.timeoutMs)))
    if (text !== undefined) for await (const piece of text) io.stdout.write(piece)
    else
      io.stdout.write(
        line.switches.has('--json')
          ? `${JSON.stringify(json)}\n`
          : lines.map((each) => `${withoutControls(each)}\n`).join(''),
      )
    return typeof exitCode === 'function' ? exitCode() : (exitCode ?? 0)
  } catch (error) {
    if (!(error instanceof UsageFault) && !(error instanceof RefusedError)) throw error
    io.stderr.write(`handover ${command.name}: ${withoutControls(error.message)}\n`)
    return error instanceof RefusedError ? 1 : 2
  }
}
