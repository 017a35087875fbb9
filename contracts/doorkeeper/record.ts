import type { RecordedScenario } from './recording.ts'
import type { Scenario } from './scenario.ts'
import { ScenarioRun } from './scenario-run.ts'
import { ControlMissing, resetTarget, type Target } from './target.ts'

/** Runs one scenario against a server that was reset, and returns its answers. Never rejects. */
export async function recordScenario(scenario: Scenario, target: Target): Promise<RecordedScenario> {
  const run = new ScenarioRun(scenario.id, target)
  const { id, title, volatile } = scenario
  let ending: Pick<RecordedScenario, 'skipped' | 'failed'> = {}
  try {
    await resetTarget(target)
    await scenario.play(run)
  } catch (error) {
    ending = error instanceof ControlMissing ? { skipped: error.message } : { failed: String(error) }
  }
  return { id, title, ...(volatile ? { volatile } : {}), ...ending, steps: run.steps }
}
