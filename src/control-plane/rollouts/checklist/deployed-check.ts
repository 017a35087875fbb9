import type { Environment } from '../../../flags/index.ts'
import type { ItemCheck } from '../../../rollouts/index.ts'
import type { DeployedPart } from '../../chatops/releases/releases.ts'

/** The stages of the environments that have a canary; the others have one stage. */
const CANARIES: Readonly<Partial<Record<Environment, string>>> = { staging: 'gstg-cny', production: 'gprd-cny' }

/**
 * Whether a commit is deployed in every part that is known to run in an environment, and in its canary stage where there
 * is one.
 */
export function deployedCheck(
  environment: Environment,
  commit: string | undefined,
  parts: readonly DeployedPart[],
): ItemCheck {
  if (commit === undefined) return { state: 'unknown', sentence: 'no commit is named; use --commit' }
  if (parts.length === 0) return { state: 'unknown', sentence: `no deployment to ${environment} is recorded` }
  const canary = CANARIES[environment]
  if (canary !== undefined && !parts.some(({ stage }) => stage === 'canary')) {
    return { state: 'open', sentence: `no deployment to the canary stage ${canary} is recorded` }
  }
  const named = ({ component, stage }: DeployedPart) => (stage === 'canary' ? `${component} on ${canary}` : component)
  const missing = parts.filter(({ answer }) => answer === 'not contained')
  if (missing.length > 0) {
    return { state: 'open', sentence: `${commit.slice(0, 12)} is not in ${missing.map(named).join(', ')}` }
  }
  const unknown = parts.filter(({ answer }) => answer !== 'contained')
  if (unknown.length > 0) {
    return {
      state: 'unknown',
      sentence: `whether it contains ${commit.slice(0, 12)} is unknown: ${unknown.map(named).join(', ')}`,
    }
  }
  return { state: 'done', sentence: `${commit.slice(0, 12)} is in ${parts.map(named).join(', ')}` }
}
