import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { UsageFault } from '../command-line.ts'

/** The file in the data directory of `handover up` that names the address of each part, as JSON. */
export const ADDRESSES_FILE = 'addresses.json'

/** Where the parts of one system listen; every value is an http URL. */
const addressesSchema = z.object({
  gateway: z.url(),
  gateway_admin: z.url(),
  control: z.url(),
  iam: z.url(),
  iam_internal: z.url(),
  monolith: z.url(),
  demo: z.url(),
})
export type RecordedAddresses = z.infer<typeof addressesSchema>

/**
 * The address that `handover up` recorded next to a token file, so that a token is sent to the system it belongs to;
 * undefined where nothing is recorded. Throws {@link UsageFault} for a file that cannot be used.
 */
export function recordedAddress(tokenFile: string, part: keyof RecordedAddresses): string | undefined {
  const file = join(dirname(tokenFile), ADDRESSES_FILE)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new UsageFault(`the recorded addresses in ${file} cannot be read (${code})`)
  }
  const read = addressesSchema.safeParse(parsed(text))
  if (read.success) return read.data[part]
  throw new UsageFault(`${file} does not hold the addresses of a system; restart handover up, or specify the address`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
