import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { call } from '../../http/index.ts'
import type { Log } from '../../observability/index.ts'
import type { RunningPart } from '../servers/run-part.ts'
import { MARK_CHECK_CLIENT } from './up-demo.ts'
import type { UpOutput } from './up-output.ts'
import type { UpPlan } from './up-plan.ts'

const MAIN = fileURLToPath(new URL('../../main.ts', import.meta.url))
const RESTART_MS = 500
/** The process starts on a machine that is busy starting all the other parts. */
const READY_LIMIT_MS = 120_000
/** The default drain time of a gateway, plus a margin. */
const STOP_MS = 15_000

/** The gateway in a separate process: restarted when it exits, and stopped when its parent exits. */
export interface GatewayProcess extends RunningPart {
  /** Resolves when the gateway has a snapshot and so follows the flags; rejects after 120 s. */
  whenReady(): Promise<void>
}

/** Starts `handover gateway` with the command line that an operator would give it. */
export function startGatewayProcess(
  plan: UpPlan,
  options: {
    readonly testControls: boolean
    /** Whether both sides know the client of the mark check. */
    readonly checksMarks: boolean
    readonly logLevel: string
    readonly output: Pick<UpOutput, 'gatewayStdout' | 'follow'>
  },
  log: Log,
): GatewayProcess {
  const { gateway, gatewayAdmin, control, iam, monolith, files } = plan
  const args = [
    ...['--listen', `${gateway.host}:${gateway.port}`, '--admin-listen', `${gatewayAdmin.host}:${gatewayAdmin.port}`],
    ...['--legacy-url', `http://${monolith.host}:${monolith.port}`, '--iam-url', `http://${iam.host}:${iam.port}`],
    ...['--control-url', `http://${control.host}:${control.port}`, '--control-token-file', files.gatewayToken],
    ...['--verifier-key-file', files.verifierKey, '--data-dir', plan.dataDir, '--workers', '1'],
    ...['--log-level', options.logLevel, ...(options.testControls ? ['--test-controls'] : [])],
  ]
  if (options.checksMarks) {
    for (const side of ['legacy', 'iam']) {
      args.push(`--${side}-probe-client-id`, MARK_CHECK_CLIENT, `--${side}-probe-secret-file`, files.markCheckSecret)
    }
  }
  let child: ChildProcess
  let stopping = false
  const start = () => {
    child = spawn(process.execPath, [MAIN, 'gateway', ...args], {
      stdio: ['ignore', options.output.gatewayStdout, 'inherit', 'ipc'],
      env: withoutHandover(process.env),
    })
    if (child.stdout) options.output.follow(child.stdout)
    child.once('exit', (code, signal) => {
      if (stopping) return
      log.error({ code, signal }, 'the gateway exited unexpectedly; restarting it')
      setTimeout(() => !stopping && start(), RESTART_MS)
    })
  }
  start()
  return {
    stopMs: STOP_MS,
    async whenReady() {
      const url = `http://${gatewayAdmin.host}:${gatewayAdmin.port}/readyz`
      const until = performance.now() + READY_LIMIT_MS
      for (;;) {
        const answer = await call({ method: 'GET', url, timeoutMs: 1_000 }).catch(() => undefined)
        // It may report ready without a snapshot, because it can route to legacy; a flag change would have to wait.
        const { snapshot_version } = (answer?.json ?? {}) as { snapshot_version?: number | null }
        if (answer?.status === 200 && typeof snapshot_version === 'number') return
        if (performance.now() > until) throw new Error('the gateway did not become ready within 120 s')
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    async close() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await gone
    },
  }
}

/** The child gets all its settings as options; a variable meant for another part must not reach it. */
function withoutHandover(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !name.startsWith('HANDOVER_') && name !== 'IAM_SERVICE_URL'),
  )
}
