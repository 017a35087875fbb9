import { counted, inFull } from '../format/numbers.ts'

/** The state of the migration in a sentence, and whether anything needs a person. */
export function stateInWords({ all, on_iam }: { all: number; on_iam: number }, attention: number): string {
  const state =
    all === 0
      ? 'No application is known yet.'
      : `${inFull(on_iam)} of ${counted(all, 'application')} ${on_iam === 1 ? 'runs' : 'run'} on iam.`
  const need =
    attention === 0 ? 'Nothing needs you.' : `${counted(attention, 'thing')} ${attention === 1 ? 'needs' : 'need'} you.`
  return `${state} ${need}`
}
