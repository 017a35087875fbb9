import { ConfigError, nearest } from '../config/index.ts'
import { ListenError } from '../http/index.ts'
import { DirectoryInUseError, DirectoryUnusableError, StorageError } from '../storage/index.ts'
import { UsageFault } from './command-line.ts'
import { overview, version } from './help.ts'
import type { Command, CommandIo } from './io.ts'

/** Commands by name, loaded on demand: a `flag` call does not load the servers. */
const COMMANDS: Readonly<Record<string, { summary: string; load: () => Promise<Command> }>> = {
  up: { summary: 'run the whole system on this machine', load: async () => (await import('./up/up.ts')).runUp },
  gateway: { summary: 'run the gateway', load: async () => (await import('./servers/gateway.ts')).runGateway },
  dataplane: {
    summary: 'run a HAProxy that routes by the same decisions, and a gateway behind it',
    load: async () => (await import('./servers/data-plane.ts')).runDataPlane,
  },
  control: { summary: 'run the control plane', load: async () => (await import('./servers/control.ts')).runControl },
  iam: { summary: 'run the IAM auth service', load: async () => (await import('./servers/iam.ts')).runIam },
  monolith: { summary: 'run the monolith', load: async () => (await import('./servers/monolith.ts')).runMonolith },
  status: {
    summary: 'show the state of an environment and what needs attention',
    load: async () => (await import('./commands/status.ts')).run,
  },
  flag: {
    summary: 'get, set, list or delete a feature flag',
    load: async () => (await import('./commands/flag/flag.ts')).run,
  },
  applications: {
    summary: 'list applications, failing ones first, or confirm that IAM has them',
    load: async () => (await import('./commands/applications/applications.ts')).run,
  },
  explain: {
    summary: 'explain where a request would be routed, and why',
    load: async () => (await import('./commands/explain.ts')).run,
  },
  keys: {
    summary: "list, rotate or retire IAM's signing keys",
    load: async () => (await import('./commands/credentials/keys.ts')).run,
  },
  chatops: {
    summary: 'run a Slack command from the terminal',
    load: async () => (await import('./commands/chatops.ts')).run,
  },
  rollout: {
    summary: 'move applications by a plan: create, start, watch and steer rollouts',
    load: async () => (await import('./commands/rollout/rollout.ts')).run,
  },
  'report-problem': {
    summary: "record a customer's report, which takes the application back to the monolith",
    load: async () => (await import('./commands/rollout/report-problem.ts')).run,
  },
  outcomes: {
    summary: 'count what became of OAuth flows',
    load: async () => (await import('./commands/traffic/outcomes.ts')).run,
  },
  gateways: {
    summary: 'list the gateways connected to the control plane',
    load: async () => (await import('./commands/traffic/gateways.ts')).run,
  },
  credentials: {
    summary: "list and revoke applications' remaining IAM credentials",
    load: async () => (await import('./commands/credentials/credentials.ts')).run,
  },
  guard: {
    summary: 'show what the guards of moved applications say',
    load: async () => (await import('./commands/rollout/guard.ts')).run,
  },
  'side-effects': {
    summary: 'list side effects of changes; retry or drop failed ones',
    load: async () => (await import('./commands/side-effects.ts')).run,
  },
  audit: {
    summary: 'list, verify or export the audit log, or restore from it',
    load: async () => (await import('./commands/audit.ts')).run,
  },
  'sign-in': {
    summary: 'print a link that signs a browser in to the control plane',
    load: async () => (await import('./commands/access/sign-in.ts')).run,
  },
  token: {
    summary: 'create, list or revoke tokens for the control plane',
    load: async () => (await import('./commands/access/token.ts')).run,
  },
  user: {
    summary: 'list, create, block, unblock or sign out users of the monolith that handover runs',
    load: async () => (await import('./commands/access/user.ts')).run,
  },
  probe: {
    summary: 'prove with a twin application that each kind of flow works',
    load: async () => (await import('./commands/rollout/probe.ts')).run,
  },
  checklist: {
    summary: 'show the checklist of a rollout, and tick its items',
    load: async () => (await import('./commands/rollout/checklist.ts')).run,
  },
  drill: {
    summary: 'prove that guards notice a broken application, or that new flows fail open',
    load: async () => (await import('./commands/rollout/drill.ts')).run,
  },
  brake: {
    summary: 'send all new flows to the monolith, or resume routing',
    load: async () => (await import('./commands/brake.ts')).run,
  },
  completion: {
    summary: 'print a script that completes commands in bash, zsh or fish',
    load: async () => {
      const { runCompletion } = await import('./completion.ts')
      return (args, io) => runCompletion(args, io, listedCommands())
    },
  },
}

function listedCommands(): Array<readonly [name: string, summary: string]> {
  return Object.entries(COMMANDS).map(([command, { summary }]) => [command, summary])
}

/** Errors that the caller can fix: one clear line each, exit code 2. */
const USAGE_FAULTS = [UsageFault, ConfigError, ListenError, DirectoryInUseError, DirectoryUnusableError, StorageError]

/** Runs one command line; resolves with 0 (success), 1 (failed or refused) or 2 (invalid usage or configuration). */
export async function main(args: readonly string[], io: CommandIo): Promise<number> {
  const [name, ...rest] = args
  // `handover help flag` is `handover flag --help`.
  if (name === 'help' && rest[0] !== undefined && !rest[0].startsWith('-')) return main([rest[0], '--help'], io)
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    io.stdout.write(overview(listedCommands()))
    return name === undefined ? 2 : 0
  }
  if (name === '--version' || name === 'version') {
    io.stdout.write(`handover ${version()}\n`)
    return 0
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (!entry) {
    const guess = nearest(name, Object.keys(COMMANDS))
    io.stderr.write(
      `handover: unknown command ${JSON.stringify(name.slice(0, 40))}${guess ? `, did you mean ${guess}?` : ''}\n`,
    )
    return 2
  }
  try {
    const command = await entry.load()
    return await command(rest, io)
  } catch (error) {
    if (USAGE_FAULTS.some((kind) => error instanceof kind)) {
      io.stderr.write(`handover ${name}: ${(error as Error).message}\n`)
      return 2
    }
    throw error
  }
}
