/** What a command may touch of the process it runs in. */
export interface CommandIo {
  readonly stdout: { write(text: string): unknown; readonly isTTY?: boolean }
  readonly stderr: { write(text: string): unknown }
  /** Where a person types; absent where nobody does. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A command: takes its arguments, resolves with an exit code. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>
