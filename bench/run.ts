// npm run bench: see the help below.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { benchCheck } from './check.ts'
import { benchConsole } from './console.ts'
import { benchDataPlane } from './data-plane.ts'
import { benchEngine } from './engine.ts'
import { benchGateway } from './gateway.ts'
import { benchGuards } from './guards.ts'
import { benchHostile } from './hostile.ts'
import { benchLowRate } from './low-rate.ts'
import { benchOutcomes } from './outcomes.ts'
import { benchProfile } from './profile.ts'
import { benchPropagation } from './propagation.ts'
import { benchReplication } from './replication.ts'
import { conclude, Report } from './report.ts'
import { benchSnapshot } from './snapshot.ts'
import { benchTokens } from './tokens.ts'

const HELP = `npm run bench -- [WHAT] [OPTION]...

Measures CPU per request, best of several rounds in turns, on one core (with taskset) beside programs that do the same.
Runs of all, check, gateway, profile and tokens end with machine, load, versions and date; --json FILE writes it all as JSON.

  all         gateway, decision and tokens on PostgreSQL; what runs when WHAT is left out
              --rounds N (3)   --requests N a round (10000)
  check       measures the main ratios again and compares them with those stored in bench/ratios.json; exit code 1 when
              one is worse by more than 15 %, or no longer measured
              --rounds N (5)   --requests N a round (10000)   --store replaces the stored ratios
  gateway     the gateway next to other proxies: authorize, token, introspect, a page of 10 kB, a stream of 1 MB, and 1 to
              1,000 connections
              --rounds N (3)   --requests N a round (20000)   --only PART of a proxy's name, may be repeated
              --kind PART of the name of a kind of traffic, may be repeated
  profile     where each microsecond of a request goes in the gateway, by a CPU profile under the same load
              --requests N (30000)
  data-plane  HAProxy that routes by these decisions, with its agent, beside HAProxy with a map of its own; then how long a
              flip and a change of the percentage take to reach HAProxy
              --rounds N (3)   --requests N a round (20000)   --flips N (200)   --applications N (100000)
  decision    the decision alone, at 1,000, 100,000 and 1,000,000 applications
  snapshot    what a gateway pays for a million applications: memory, decisions, transfer, loading from disk, how long
              these block it, and the bytes of a flip and of a change of percentage; then all of it as JSON
              --applications N (1000000)   --actors N named by the flag (100000)
  low-rate    how much later answers come through nginx and through the gateway when hardly anything happens: 200
              requests a second over one connection
              --rounds N (10)   --seconds N a round (2)
  tokens      the token endpoint, introspection, token info and userinfo beside oidc-provider on the same store;
              then how long answers take at 60 % of what each server can do
              --rounds N (3)   --requests N a round (5000)   --latency-seconds N (5; 0 leaves latency out)
              each may be repeated, and all run by default:
              --store postgres|embedded   --format opaque|jwt (access tokens)   --server PART of its name
              --workload client_credentials|code|refresh|introspect|info|userinfo
              --node-option OPTION for the servers, such as --node-option=--cpu-prof
  propagation how long a flip takes to the last of 20 gateways, by two control planes on one PostgreSQL, and what a
              gateway misses while one of the two is killed
              --flips N (1000)
  replication how fast a monolith's applications reach IAM and a control plane for the first time, on one PostgreSQL,
              beside the same calls one by one; then how long a comparison takes, and the memory of each part; exit
              code 1 when a goal is missed
              --applications N (1000000)   --json FILE to write the figures to
  engine      opens and closes embedded databases, and counts how often an engine's process crashes
              --cycles N (500)
  guards      the memory of 100,000 guards, and the cost of one update; the simulations of the guards on request
              --short (as in the tests)   --full (about an hour)
  outcomes    one control plane that takes 10,000 outcomes a second for 100,000 applications: CPU, memory, and the time
              from the answer to the feed; then what an outcome costs a gateway; exit code 1 when a goal is missed
              --rate N (10000)   --seconds N (10)   --gateway-only   --node-option OPTION for the control plane
  console     what open consoles cost a control plane on PostgreSQL, of whose applications up to 100,000 have traffic,
              with 20 rollouts and a year of changes: the CPU of the event streams with 4 changes a second, how long
              pages and searches of the list take, the memory, and the pages in Chromium (load, input, search, frames,
              heap); exit code 1 when a goal is missed
              --applications N (100000)   --streams N (200)   --seconds N (20)   --lists-only
              --page-changes N (200)   --only streams|lists|pages
  hostile     how long hostile inputs (deep JSON, a million parameters, long headers) occupy the main thread of gateway,
              IAM, monolith and control plane beyond what a plain request of the same size does; exit code 1 when one
              takes more than 5 ms of CPU time in each of its tries
              --tries N (3)   --only PART of an input's name   --server PART of a server's name   --port-base N

Figures of a shared machine are its good moments: compare what ran in the same minutes, and look at the ratio.
`

const [first = 'all', ...rest] = process.argv.slice(2)
const isOption = first.startsWith('-') && !/^(--help|-h)$/.test(first)
const [what, given] = isOption ? ['all', [first, ...rest]] : [first, rest]
const jsonAt = given.indexOf('--json')
const args = jsonAt < 0 ? given : given.toSpliced(jsonAt, 2)

if (args.some((arg) => /^(--help|-h)$/.test(arg))) process.stdout.write(HELP)
else if (jsonAt >= 0 && given[jsonAt + 1] === undefined) fail('--json needs the path of a file')
else {
  try {
    await run(new Report(`npm run bench -- ${[what, ...given].join(' ')}`))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!code?.startsWith('ERR_PARSE_ARGS')) throw error
    fail(message)
  }
}

function fail(message: string): void {
  process.stderr.write(`bench: ${message}\nnpm run bench -- --help lists the options\n`)
  process.exitCode = 2
}

async function run(report: Report): Promise<void> {
  switch (what) {
    case 'all':
      await benchAll(report)
      break
    case 'check':
      if (!(await benchCheck(args, report))) process.exitCode = 1
      break
    case 'gateway':
      await benchGateway(args, report)
      break
    case 'profile':
      await benchProfile(args, report)
      break
    case 'tokens':
      await benchTokens(args, report)
      break
    default:
      return jsonAt < 0 ? runOther() : fail('--json goes with all, check, gateway, profile and tokens')
  }
  conclude(report, jsonAt < 0 ? undefined : given[jsonAt + 1])
}

async function benchAll(report: Report): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { rounds: { type: 'string', default: '3' }, requests: { type: 'string', default: '10000' } },
  })
  const repeats = ['--rounds', values.rounds, '--requests', values.requests]
  await benchGateway(repeats, report)
  console.log('\nThe decision alone\n')
  benchDecision()
  await benchTokens([...repeats, '--store', 'postgres', '--format', 'opaque'], report)
}

/** The benchmarks without a peer: they print their own goals. */
async function runOther(): Promise<void> {
  switch (what) {
    case 'data-plane':
      return benchDataPlane(args)
    case 'decision':
      return benchDecision()
    case 'hostile':
      return benchHostile(args)
    case 'guards':
      return benchGuards(args)
    case 'outcomes':
      return benchOutcomes(args)
    case 'low-rate':
      return benchLowRate(args)
    case 'propagation':
      return benchPropagation(args)
    case 'replication':
      return benchReplication(args)
    case 'snapshot':
      return benchSnapshot(args)
    case 'engine':
      return benchEngine(args)
    case 'console':
      return benchConsole(args)
    default:
      process.stdout.write(HELP)
      process.exitCode = /^(--help|-h|help)$/.test(what) ? 0 : 2
  }
}

function benchDecision(): void {
  execFileSync(process.execPath, ['--expose-gc', join(import.meta.dirname, 'decision.ts')], { stdio: 'inherit' })
}
