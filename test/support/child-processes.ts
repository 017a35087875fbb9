import type { ChildProcess } from 'node:child_process'

const running = new Set<ChildProcess>()

process.once('exit', killAll)
for (const [signal, code] of [['SIGTERM', 143] as const, ['SIGINT', 130] as const]) {
  process.once(signal, () => process.exit(code))
}

/** Ends a child that leads a process group together with this process, however this process ends but by SIGKILL. */
export function endWithThisProcess(child: ChildProcess): void {
  running.add(child)
  child.once('close', () => running.delete(child))
}

/** Kills the process groups of all children that still run. */
export function killAll(): void {
  for (const child of running) killGroup(child, 'SIGKILL')
}

/** Signals the process group that a child leads; does nothing if it has ended. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // The group has already ended.
  }
}
