import { z } from 'zod'
import { CONTROL_HELP, CONTROL_OPTIONS, controlClient, RefusedError } from '../client/control-client.ts'
import { readCommandLine, UsageFault } from '../command-line.ts'
import type { CommandIo } from '../io.ts'

const HELP = `Usage: handover chatops [options] '<command>'

Runs a command in the syntax of Slack, such as
  handover chatops 'feature set proxy_oauth_requests_to_iam_service 1 --actors --staging'
and prints the response. Exit code 0 if it succeeded, 1 if any part of it was refused. To list the commands:
  handover chatops '--help'

${CONTROL_HELP}`

const answerSchema = z.object({ outcome: z.string(), text: z.string() })

/** Longer than any production check, for which the settings allow at most an hour. */
const LIMIT_MS = 3_660_000
const PATIENCE_MS = 3_000

/** `handover chatops`: a command, run by the control plane. Exit codes as in its help, 2 for invalid usage. */
export async function run(args: readonly string[], io: CommandIo): Promise<number> {
  try {
    const line = readCommandLine(args, CONTROL_OPTIONS)
    if (line.switches.has('--help') || line.switches.has('-h')) {
      io.stdout.write(HELP)
      return 0
    }
    const [text, ...more] = line.words
    if (text === undefined || more.length > 0) throw new UsageFault('specify one command, in quotes')
    const ask = controlClient(line, io, LIMIT_MS)
    const notice = setTimeout(
      () => io.stderr.write('handover chatops: still waiting; a production check can take several minutes\n'),
      PATIENCE_MS,
    )
    const json = await ask('POST', '/api/v1/chatops', { text }).finally(() => clearTimeout(notice))
    const answer = answerSchema.parse(json)
    io.stdout.write(line.switches.has('--json') ? `${JSON.stringify(json)}\n` : `${answer.text}\n`)
    return answer.outcome === 'refused' || answer.outcome === 'partial' ? 1 : 0
  } catch (error) {
    if (!(error instanceof UsageFault) && !(error instanceof RefusedError)) throw error
    io.stderr.write(`handover chatops: ${error.message}\n`)
    return error instanceof RefusedError ? 1 : 2
  }
}
