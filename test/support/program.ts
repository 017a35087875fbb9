import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWithThisProcess, killAll, killGroup } from './child-processes.ts'
import { type OutputLines, outputLines } from './output-lines.ts'
import { WAIT_LIMIT_MS } from './wait.ts'

/** The root of this checkout. */
export const ROOT = resolve(import.meta.dirname, '..', '..')

/** How a program ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A program that runs as a separate process. */
export interface Program {
  readonly pid: number
  readonly stdout: OutputLines
  readonly stderr: OutputLines
  /** Settles when the process has ended. */
  readonly ended: Promise<Ended>
  /** Writes a line to its standard input; for programs started with `hasInput`. */
  send(line: string): void
  kill(signal: NodeJS.Signals): void
  /** Sends SIGTERM, and SIGKILL (to the whole process group) after `graceMs`, default 60,000. */
  stop(graceMs?: number): Promise<Ended>
}

export interface ProgramOptions {
  readonly command: string
  readonly args: readonly string[]
  /** Added to the test's environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Keeps its standard input open for `send`; otherwise it has none. */
  readonly hasInput?: boolean
  /** A file descriptor to use as its standard output; `stdout` then stays empty. */
  readonly stdout?: number
}

// Processes left running by a failed test end after the last test, or with the test's process.
after(killAll)

/** Starts a program in a separate process group. Rejects when it cannot be started. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const env = { ...process.env, ...options.env }
  const child = spawn(options.command, options.args, {
    cwd: options.cwd ?? ROOT,
    env,
    detached: true,
    stdio: [options.hasInput ? 'pipe' : 'ignore', options.stdout ?? 'pipe', 'pipe'],
  })
  if (!child.stderr) throw new Error(`${options.command} has no output to read`)
  // A program that ends before it has read all its input is reported by its exit status.
  child.stdin?.on('error', () => {})
  await new Promise<void>((started, reject) => {
    child.once('spawn', started)
    child.once('error', reject)
  })
  endWithThisProcess(child)
  const ended = new Promise<Ended>((done) => {
    child.once('exit', () => killGroup(child, 'SIGKILL'))
    child.once('close', (code, signal) => done({ code, signal }))
  })
  return {
    pid: child.pid ?? 0,
    stdout: outputLines(child.stdout ?? Readable.from([])),
    stderr: outputLines(child.stderr),
    ended,
    send: (line) => void child.stdin?.write(`${line}\n`),
    kill: (signal) => void child.kill(signal),
    async stop(graceMs = 60_000) {
      child.kill('SIGTERM')
      const limit = new AbortController()
      const late = sleep(graceMs, 'late', { signal: limit.signal, ref: false }).catch(() => 'in time')
      if ((await Promise.race([ended, late])) === 'late') killGroup(child, 'SIGKILL')
      limit.abort()
      return ended
    },
  }
}

/** Starts `bin/handover` as a user would, without environment variables that would change its configuration. */
export function startHandover(
  args: readonly string[],
  options: Omit<ProgramOptions, 'command' | 'args'> = {},
): Promise<Program> {
  const inherited: Record<string, undefined> = {}
  for (const name of Object.keys(process.env)) {
    if (/^(HANDOVER_|IAM_SERVICE_URL$|NODE_OPTIONS$|NODE_TEST_CONTEXT$)/.test(name)) inherited[name] = undefined
  }
  const env = { ...inherited, ...options.env }
  return startProgram({ ...options, env, command: resolve(ROOT, 'bin', 'handover'), args })
}

/** Runs `bin/handover` to completion, for at most `limitMs` (default {@link WAIT_LIMIT_MS}). */
export async function runHandover(
  args: readonly string[],
  options: Omit<ProgramOptions, 'command' | 'args'> & { readonly limitMs?: number } = {},
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const program = await startHandover(args, options)
  const limit = setTimeout(() => void program.stop(0), options.limitMs ?? WAIT_LIMIT_MS)
  const { code } = await program.ended
  clearTimeout(limit)
  return { code, stdout: program.stdout.text(), stderr: program.stderr.text() }
}
