import type { Definitions, Environment } from '../../flags/index.ts'
import { SYSTEM_CONTEXT } from '../audit/change-context.ts'
import type { Store } from '../state/store.ts'
import { changeFlag } from './flag-writes.ts'

/** A flag whose end-to-end tests failed after a change. */
export interface FailedTests {
  readonly environment: Environment
  readonly name: string
  /** The page of the pipeline. */
  readonly url: string
}

/**
 * Switches a flag off on staging because its end-to-end tests failed; elsewhere, and where a rollout is in charge of the
 * flag, nothing changes. Resolves to whether it was switched off now.
 */
export async function switchOffAfterFailedTests(
  { store, definitions }: { readonly store: Store; readonly definitions: Definitions },
  isInRollout: () => Promise<boolean>,
  { environment, name, url }: FailedTests,
): Promise<boolean> {
  if (environment !== 'staging' || (await isInRollout())) return false
  const context = {
    ...SYSTEM_CONTEXT,
    by: 'end-to-end tests',
    reason: `the end-to-end tests failed: ${url}`.slice(0, 500),
  }
  const outcome = await changeFlag(store, definitions, { environment, name, context }, [{ set: false }])
  return outcome.kind === 'written'
}
