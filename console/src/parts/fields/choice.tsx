interface ChoiceProps<Value extends string> {
  readonly label: string
  readonly value: Value
  readonly options: ReadonlyArray<{ readonly value: Value; readonly words: string }>
  readonly onChoose: (value: Value) => void
}

/** One of a few values, all of them in sight: radio buttons that look like one bar. */
export function Choice<Value extends string>({ label, value, options, onChoose }: ChoiceProps<Value>) {
  return (
    <fieldset className="inline-block text-sm">
      <legend className="sr-only">{label}</legend>
      <div className="flex min-h-9 rounded-md border border-edge bg-surface">
        {options.map((option) => (
          <label
            key={option.value}
            className="flex cursor-pointer items-center border-l border-edge px-2.5 py-1 first-of-type:rounded-l-[5px] first-of-type:border-l-0 last-of-type:rounded-r-[5px] has-checked:bg-ink has-checked:text-surface forced-colors:has-checked:bg-[Highlight] forced-colors:has-checked:text-[HighlightText] forced-colors:has-checked:[forced-color-adjust:none] has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-ink"
          >
            <input
              type="radio"
              className="sr-only"
              name={label}
              checked={option.value === value}
              onChange={() => onChoose(option.value)}
            />
            {option.words}
          </label>
        ))}
      </div>
    </fieldset>
  )
}
