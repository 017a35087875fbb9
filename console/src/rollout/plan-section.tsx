import { Link } from '@tanstack/react-router'
import { useCaller } from '../api/caller.ts'
import type { RolloutDocument } from '../api/rollouts.ts'
import { ScrollRegion } from '../parts/layout/scroll-region.tsx'
import { Section } from '../parts/layout/section.tsx'
import { planAsYaml } from '../parts/text/plan-yaml.ts'

/** The plan as it was written, and the way to a new rollout of the same plan. */
export function PlanSection({ rollout: { plan, id, environment, shortened } }: { rollout: RolloutDocument }) {
  const { may } = useCaller()
  return (
    <Section
      title="Plan"
      aside={
        may('rollouts.create', environment) && (
          <Link to="/rollouts/new" search={{ from: String(id) }} className="text-sm underline underline-offset-4">
            Write a new plan from this one
          </Link>
        )
      }
    >
      {shortened.length > 0 && <p className="pb-2 text-sm">Shortened by test controls: {shortened.join('; ')}.</p>}
      <ScrollRegion label="The text of the plan" className="max-h-80 rounded-md bg-sunken p-3">
        <pre className="font-mono text-sm">{planAsYaml(plan)}</pre>
      </ScrollRegion>
    </Section>
  )
}
