import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { RefusedError } from '../../client/control-client.ts'
import { UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

/** The longest password that the monolith accepts, in characters. */
const LONGEST = 1_024

/**
 * A new password: the first line of `file`, or of standard input for `-`, or without a file what a person types twice
 * at a prompt that does not echo. Never an argument, which other users of the machine can see.
 */
export async function newPassword(file: string | undefined, io: CommandIo): Promise<string> {
  if (file === '-') return firstLine(await textOf(io), 'standard input')
  if (file !== undefined) return firstLine(readPasswordFile(file), file)
  if (io.stdin?.isTTY !== true)
    throw new UsageFault('not a terminal: specify the password with --password-file FILE, or - for standard input')
  const typed = await silentPrompts(['New password: ', 'Repeat the new password: '], io)
  if (typed[0] !== typed[1]) throw new RefusedError('the passwords differ; nothing was changed')
  return firstLine(typed[0] ?? '', 'the password')
}

function readPasswordFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    throw new UsageFault(`the password file ${file} cannot be read (${code})`)
  }
}

async function textOf({ stdin }: CommandIo): Promise<string> {
  let text = ''
  for await (const piece of stdin ?? []) {
    text += String(piece)
    if (text.length > LONGEST * 4) break
  }
  return text
}

function firstLine(text: string, source: string): string {
  const [line = ''] = text.split(/\r?\n/, 1)
  if (line === '') throw new UsageFault(`${source} is empty`)
  if (line.length > LONGEST) throw new UsageFault(`${source} must hold at most ${LONGEST} characters in one line`)
  return line
}

/** Asks at the terminal without showing what is typed. Ctrl-C and Ctrl-D end the prompt. */
async function silentPrompts(prompts: readonly string[], io: CommandIo): Promise<string[]> {
  const nowhere = new Writable({ write: (_piece, _encoding, done) => done() })
  const reader = createInterface({ input: io.stdin as NodeJS.ReadableStream, output: nowhere, terminal: true })
  reader.once('SIGINT', () => reader.close())
  // The iterator also keeps lines that arrive before their prompt, as pasted ones do.
  const lines = reader[Symbol.asyncIterator]()
  const typed: string[] = []
  try {
    for (const prompt of prompts) {
      io.stderr.write(prompt)
      const line = await lines.next()
      io.stderr.write('\n')
      if (line.done) throw new RefusedError('no password was entered; nothing was changed')
      typed.push(line.value)
    }
    return typed
  } finally {
    reader.close()
  }
}
