import { useNavigate } from '@tanstack/react-router'
import { Choice } from '../parts/fields/choice.tsx'
import { TextField } from '../parts/fields/text-field.tsx'

const SHARE_AT_FIRST = '50'

/** Another state under which the decision is tried: the brake, or a step of a plan. */
export function AssumptionChoice({ assume }: { assume: string | undefined }) {
  const navigate = useNavigate()
  const set = (value: string | undefined) =>
    void navigate({ to: '/explain', search: (now) => ({ ...now, assume: value }) as typeof now, replace: true })
  const kind = assume === undefined ? 'none' : assume === 'brake' || assume === 'all' ? assume : 'share'
  return (
    <div className="flex flex-wrap items-end gap-x-4 gap-y-2">
      <div className="flex flex-col gap-1">
        <span aria-hidden="true" className="text-sm font-medium">
          Compare with
        </span>
        <Choice
          label="Compare with"
          value={kind}
          onChoose={(chosen) => set(chosen === 'none' ? undefined : chosen === 'share' ? SHARE_AT_FIRST : chosen)}
          options={[
            { value: 'none', words: 'nothing' },
            { value: 'brake', words: 'the brake on' },
            { value: 'share', words: 'a share' },
            { value: 'all', words: 'on for all' },
          ]}
        />
      </div>
      {kind === 'share' && (
        <TextField
          className="w-44"
          label="Share of applications, %"
          inputMode="decimal"
          defaultValue={assume}
          onChange={({ target }) => {
            if (/^(?:100|\d{1,2})(?:\.\d{1,3})?$/.test(target.value.trim())) set(target.value.trim())
          }}
        />
      )}
    </div>
  )
}
