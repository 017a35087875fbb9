import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { findPostgres } from './private-postgres.ts'

/** A program that some tests need and that may be missing on a newcomer's machine. */
export interface Part {
  readonly name: string
  /** Its path; undefined if it is not installed. */
  readonly path: string | undefined
  /** What remains untested without it. */
  readonly skips: string
}

/** The programs that the full test run uses, as found on this machine. */
export function findParts(): Part[] {
  return [
    {
      name: 'PostgreSQL',
      path: process.env.HANDOVER_TEST_DATABASE_URL ? 'HANDOVER_TEST_DATABASE_URL' : findPostgres(),
      skips: 'everything that also runs on a PostgreSQL server (the embedded one is tested)',
    },
    ...['nginx', 'haproxy', 'caddy'].map((name) => ({
      name,
      path: findProgram(name),
      skips: `examples/proxies/${name}, which is run by a real ${name}`,
    })),
    ...['promtool', 'prometheus'].map((name) => ({
      name,
      path: findProgram(name),
      skips: 'alert rules and dashboards in a real Prometheus',
    })),
    ...['zsh', 'fish'].map((name) => ({
      name,
      path: findProgram(name),
      skips: `the completion script for ${name}`,
    })),
    {
      name: 'pgbouncer',
      path: findProgram('pgbouncer'),
      skips: 'PostgreSQL behind a real PgBouncer',
    },
    { name: 'ruby-doorkeeper', path: findDoorkeeper(), skips: 'the gateway in front of a real Rails and Doorkeeper' },
  ]
}

const GEMS = ['railties', 'activerecord', 'actionpack', 'doorkeeper-openid_connect', 'puma', 'sqlite3', 'bcrypt']

/** The Ruby that can load Rails, Doorkeeper and the other gems of the example. */
export function findDoorkeeper(): string | undefined {
  const ruby = findProgram('ruby')
  if (ruby === undefined || findProgram('puma') === undefined) return undefined
  const script = 'ARGV.each { |name| gem name }'
  const isComplete = spawnSync(ruby, ['-e', script, ...GEMS], { timeout: 30_000 }).status === 0
  return isComplete ? ruby : undefined
}

/** A program's path, looked up on the PATH and in Debian's directories for servers. */
export function findProgram(name: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return directories.map((directory) => join(directory, name)).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
