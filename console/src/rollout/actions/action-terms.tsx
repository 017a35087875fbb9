import type { OverridableRule } from '../../api/rollout-changes.ts'
import type { RolloutDocument } from '../../api/rollouts.ts'
import { Checkbox } from '../../parts/fields/checkbox.tsx'
import { SelectField } from '../../parts/fields/select-field.tsx'
import { TextField } from '../../parts/fields/text-field.tsx'
import type { PageAction } from '../rollout-search.ts'
import { stepInWords } from './action-words.ts'

/** What a person chooses besides the action itself. */
export interface Terms {
  /** For back: the step to go back to, 0 for the beginning. */
  readonly toStep: number
  /** For abort: leave the flag as it is. */
  readonly keep: boolean
  /** For exclude: the id of the application, as it was entered. */
  readonly application: string
  /** For start: the address of the change issue. */
  readonly issue: string
  /** For start. */
  readonly overrides: readonly OverridableRule[]
}

const RULES: ReadonlyArray<{ rule: OverridableRule; words: string }> = [
  { rule: 'consistency_check', words: 'Do not require that the flag is on in the environments before this one' },
  { rule: 'production_check', words: 'Do not check the state of production before each step' },
  { rule: 'step_limit', words: 'Do not limit how much one step widens the flag' },
]

interface ActionTermsProps {
  readonly ask: PageAction
  readonly rollout: RolloutDocument
  readonly terms: Terms
  readonly onChange: (terms: Terms) => void
}

/** The choices of an action, where it has any. */
export function ActionTerms({ ask, rollout, terms, onChange }: ActionTermsProps) {
  if (ask === 'back') {
    return (
      <SelectField
        label="Go back to"
        value={String(terms.toStep)}
        onChoose={(step) => onChange({ ...terms, toStep: Number(step) })}
        options={Array.from({ length: rollout.step }, (_, step) => ({
          value: String(step),
          words: stepInWords(rollout, step),
        })).reverse()}
      />
    )
  }
  if (ask === 'abort' && rollout.step > 0 && rollout.mode === 'act') {
    return (
      <Checkbox checked={terms.keep} onChange={(keep) => onChange({ ...terms, keep })}>
        Leave the flag as it is: everything that has moved stays on iam
      </Checkbox>
    )
  }
  if (ask === 'exclude') {
    return (
      <TextField
        label="Id of the application"
        inputMode="numeric"
        autoComplete="off"
        value={terms.application}
        maxLength={15}
        onChange={({ target }) => onChange({ ...terms, application: target.value.trim() })}
      />
    )
  }
  if (ask !== 'start') return null
  const toggle = (rule: OverridableRule, isOn: boolean) =>
    onChange({ ...terms, overrides: isOn ? [...terms.overrides, rule] : terms.overrides.filter((one) => one !== rule) })
  return (
    <>
      {rollout.change_issue_url === null && (
        <TextField
          type="url"
          label="Change issue (where the environment demands one)"
          value={terms.issue}
          maxLength={2_048}
          onChange={({ target }) => onChange({ ...terms, issue: target.value.trim() })}
        />
      )}
      <details>
        <summary className="w-fit underline underline-offset-4">Override rules</summary>
        <div className="mt-2 flex flex-col gap-1">
          {RULES.map(({ rule, words }) => (
            <Checkbox key={rule} checked={terms.overrides.includes(rule)} onChange={(isOn) => toggle(rule, isOn)}>
              {words}
            </Checkbox>
          ))}
          <p className="text-faded">An override stands in the audit log with your name.</p>
        </div>
      </details>
    </>
  )
}
