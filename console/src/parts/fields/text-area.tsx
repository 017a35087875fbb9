import { type ComponentProps, type ReactNode, useId } from 'react'

interface TextAreaProps extends Omit<ComponentProps<'textarea'>, 'id'> {
  readonly label: string
  /** What to enter and why, below the field. */
  readonly hint?: ReactNode
}

/** Text of several lines with its label and its hint. */
export function TextArea({ label, hint, className, ...rest }: TextAreaProps) {
  const id = useId()
  return (
    <div className={`flex flex-col gap-1 ${className ?? ''}`}>
      <label htmlFor={id} className="text-sm font-medium">
        {label}
      </label>
      <textarea
        {...rest}
        id={id}
        aria-describedby={hint === undefined ? undefined : `${id}-hint`}
        className="w-full rounded-md border border-edge bg-surface px-2.5 py-1.5 font-mono text-sm"
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="text-sm text-faded">
          {hint}
        </p>
      )}
    </div>
  )
}
