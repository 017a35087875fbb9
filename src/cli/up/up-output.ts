import { openSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { createLog, createLogOutput, type Log } from '../../observability/index.ts'
import { readableLine } from './readable-line.ts'

/** Where the log lines of `handover up` go. */
export interface UpOutput {
  log(component: string): Log
  /** Standard output of the gateway process: either inherited, or a pipe for {@link UpOutput.follow}. */
  readonly gatewayStdout: 'inherit' | 'pipe'
  /** Reads what the gateway process writes. */
  follow(stdout: Readable): void
}

/** The log of `handover up` as JSON on standard output, for machines. */
export function jsonOutput(level: string): UpOutput {
  return { log: (component) => createLog(component, { level }), gatewayStdout: 'inherit', follow: () => {} }
}

/**
 * The log of `handover up` for people: every line goes to `file` as JSON, and standard output shows routing decisions,
 * warnings and errors, one readable line each. Throws if the file cannot be opened.
 */
export function readableOutput(level: string, file: string): UpOutput {
  const kept = createLogOutput(openSync(file, 'a', 0o600), 'up')
  const shown = createLogOutput(1, 'up')
  const destination = {
    write(lines: string) {
      kept.write(lines)
      for (const line of lines.split('\n')) {
        const readable = readableLine(line)
        if (readable !== undefined) shown.write(`${readable}\n`)
      }
    },
  }
  return {
    log: (component) => createLog(component, { level, destination }),
    gatewayStdout: 'pipe',
    follow(stdout) {
      let rest = ''
      stdout.setEncoding('utf8')
      stdout.on('data', (chunk: string) => {
        const end = chunk.lastIndexOf('\n') + 1
        if (end > 0) destination.write(rest + chunk.slice(0, end))
        rest = end > 0 ? chunk.slice(end) : rest + chunk
      })
    },
  }
}
