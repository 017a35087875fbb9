/** The parts of the process that a command may use. */
export interface CommandIo {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly stderr: { write(text: string): unknown }
  /** Terminal input; absent when the command is not interactive. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A command: takes its arguments, resolves with an exit code. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>
