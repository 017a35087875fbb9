import { useNavigate } from '@tanstack/react-router'
import { Button } from '../parts/actions/button.tsx'
import { TextField } from '../parts/fields/text-field.tsx'

interface PreviewFieldProps {
  readonly name: string
  readonly application: string | undefined
  /** Why the application that the address names cannot be shown. */
  readonly fault: string | undefined
}

/** Asks for the application for which the flag is previewed; it stands in the address. */
export function PreviewField({ name, application, fault }: PreviewFieldProps) {
  const navigate = useNavigate()
  const show = (chosen: string) =>
    void navigate({
      to: '/flags/$name',
      params: { name },
      search: chosen === '' ? {} : { application: chosen },
      replace: true,
    })
  return (
    <form
      className="flex flex-wrap items-end gap-2"
      onSubmit={(event) => {
        event.preventDefault()
        show(String(new FormData(event.currentTarget).get('application') ?? '').trim())
      }}
    >
      <TextField
        key={application}
        name="application"
        className="w-full sm:w-72"
        label="Preview for an application"
        placeholder="id or client_id"
        defaultValue={application}
        maxLength={255}
        autoComplete="off"
        fault={fault}
      />
      <Button type="submit">Preview</Button>
      {application !== undefined && (
        <Button weight="quiet" onClick={() => show('')}>
          Clear
        </Button>
      )}
    </form>
  )
}
