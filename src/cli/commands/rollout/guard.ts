import { z } from 'zod'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { ENVIRONMENT_HELP, ENVIRONMENT_OPTIONS, environmentOf } from '../../client/environment-options.ts'
import { type CommandLine, UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover guard list [--environment NAME]
       handover guard show --oauth-application=<id|client_id> [--environment NAME]

Shows what the guards of moved applications say: 'list' one line for each guard, those with the strongest evidence
first; 'show' the guards of one application, each with its verdict in a sentence.

  --oauth-application <id|client_id>
      The application.
${ENVIRONMENT_HELP}
${CONTROL_HELP}`

const guardSchema = z.object({
  application_id: z.int(),
  guard: z.string(),
  verdict: z.string(),
  evidence: z.number(),
  threshold: z.number(),
  outcomes: z.int(),
  failures: z.int(),
  tolerated_rate: z.number(),
  sentence: z.string(),
})
type Guard = z.infer<typeof guardSchema>
const answerSchema = z.object({ guards: z.array(guardSchema), pooled: z.array(z.object({ sentence: z.string() })) })

/** `handover guard`: shows the guards of moved applications. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const options = { ...ENVIRONMENT_OPTIONS, '--oauth-application': { takes: 'value' } } as const
  return runControlCommand({ name: 'guard', help: HELP, options, plan }, args, io)
}

function plan(line: CommandLine): ControlPlan {
  const [action, ...words] = line.words
  if (action !== 'list' && action !== 'show') throw new UsageFault('specify list or show')
  if (words.length > 0) throw new UsageFault(`${action} takes no arguments`)
  const application = line.values.get('--oauth-application')?.[0]
  if (action === 'list' && application !== undefined) {
    throw new UsageFault("--oauth-application is only valid with 'show'")
  }
  if (action === 'show' && application === undefined) throw new UsageFault('show needs --oauth-application')
  const query = new URLSearchParams({ environment: environmentOf(line) })
  if (application !== undefined) query.set('oauth_application', application)
  return async (ask) => {
    const json = await ask('GET', `/api/v1/guards?${query}`)
    const { guards, pooled } = answerSchema.parse(json)
    const strongest = guards.toSorted((one, other) => ratioOf(other) - ratioOf(one))
    const lines = action === 'list' ? strongest.map(inOneLine) : guards.flatMap(inFull)
    // One application is no group.
    if (guards.length > 1) lines.push(...pooled.map(({ sentence }) => sentence))
    const none = action === 'list' ? 'no application is judged' : 'the application is not judged'
    return { json, lines: lines.length > 0 ? lines : [none] }
  }
}

function inOneLine({ application_id, guard, verdict, evidence, threshold, outcomes, failures }: Guard): string {
  const counted = `${failures} of ${outcomes} failed`
  return `${application_id}  ${guard.padEnd(10)}  ${inWords(verdict).padEnd(19)}  ${shown(evidence)}/${shown(threshold)}  ${counted}`
}

function inFull({ guard, verdict, evidence, threshold, tolerated_rate, sentence }: Guard): string[] {
  const tolerated = `${Number((tolerated_rate * 100).toFixed(1))} % tolerated`
  return [
    `${guard}: ${inWords(verdict)} (evidence ${shown(evidence)} of ${shown(threshold)}, ${tolerated})`,
    `  ${sentence}`,
  ]
}

function inWords(verdict: string): string {
  return verdict.replaceAll('_', ' ')
}

function shown(evidence: number): string {
  if (evidence >= 1e6) return evidence.toExponential(0)
  return evidence >= 10 ? String(Math.round(evidence)) : evidence.toFixed(2)
}

function ratioOf({ evidence, threshold }: Guard): number {
  return evidence / threshold
}
