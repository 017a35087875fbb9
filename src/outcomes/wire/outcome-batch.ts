/** Where gateways send what they observe. */
export const OUTCOME_BATCH_PATH = '/api/v1/gateways/outcomes'

/** The most observations in one batch. */
export const MOST_OBSERVATIONS = 4_000

/** Consecutive observations of one gateway process, in the order in which their exchanges ended. */
export interface OutcomeBatch {
  /** Identifies the process; generated at its start. */
  readonly instance: string
  readonly environment: string
  /** The sequence number of the first line; a process numbers its observations from 1, dropped ones included. */
  readonly first: number
  /** The sequence number of the oldest observation that the gateway still keeps: earlier ones are stored, or lost. */
  readonly oldest: number
  /** When the batch was sent, by the clock of the observations: the control plane corrects their times by it. */
  readonly sentAt: number
  /** Everything that the gateway observed before `sentAt` is in this batch or an earlier one. */
  readonly isComplete: boolean
  /** One observation a line; see `writeObservation`. */
  readonly lines: string
}

/** What the control plane answers to a batch. Both numbers are sequence numbers. */
export interface OutcomeReceipt {
  /** The observation that it expects next: the next batch begins here, even if it was sent before. */
  readonly next: number
  /** Everything before this one is stored, so the gateway can forget it. */
  readonly stored: number
}

/** Writes a batch as JSON; `lines` are the content of a JSON string already, so that nothing reads them again. */
export function writeBatch(head: Omit<OutcomeBatch, 'lines'>, lines: Uint8Array): Buffer {
  const start = JSON.stringify(head).replace(/\}$/, ',"lines":"')
  return Buffer.concat([Buffer.from(start), lines, Buffer.from('"}')])
}

/** How many lines a batch has. */
export function linesIn(lines: string): number {
  if (lines === '') return 0
  let count = 1
  for (let at = lines.indexOf('\n'); at >= 0; at = lines.indexOf('\n', at + 1)) count++
  return count
}
