import { z } from 'zod'
import { CONTROL_HELP } from '../../client/control-client.ts'
import { type ControlPlan, runControlCommand } from '../../client/control-command.ts'
import { UsageFault } from '../../command-line.ts'
import type { CommandIo } from '../../io.ts'

const HELP = `Usage: handover sign-in

Prints a link to a page with a button that signs a browser in to the control plane as the owner of the token. The link
works once and expires after five minutes.

${CONTROL_HELP}`

const linkSchema = z.object({ url: z.string(), expires_in: z.int() })

/** `handover sign-in`: requests a link and prints it. Exit codes as in `runControlCommand`. */
export function run(args: readonly string[], io: CommandIo): Promise<number> {
  const plan = ({ words }: { readonly words: readonly string[] }): ControlPlan => {
    if (words.length > 0) throw new UsageFault('sign-in takes no arguments')
    return async (ask) => {
      const json = await ask('POST', '/api/v1/sign-in-links')
      return { json, lines: [linkSchema.parse(json).url] }
    }
  }
  return runControlCommand({ name: 'sign-in', help: HELP, options: {}, plan }, args, io)
}
