import { memo, type Ref, useId, useImperativeHandle, useRef } from 'react'
import type { PlanFault } from './use-judged-plan.ts'

/** What the rest of the page can ask of the text. */
export interface PlanTextField {
  /** Moves the cursor to a fault, and brings its line into sight. */
  readonly show: (fault: PlanFault) => void
}

interface PlanTextProps {
  readonly ref: Ref<PlanTextField>
  readonly text: string
  readonly onChange: (text: string) => void
  readonly faults: readonly PlanFault[]
}

/** In rem, so that the text grows with the browser's. */
const LINE = 1.25
const PADDING = 0.75

/** The text of the plan with line numbers; lines with a fault are marked. Two thousand lines type like ten. */
export function PlanText({ ref, text, onChange, faults }: PlanTextProps) {
  const id = useId()
  const field = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLDivElement>(null)
  useImperativeHandle(ref, () => ({
    show: ({ line, column }) => {
      const area = field.current
      if (area === null || line === null) return
      const lines = area.value.split('\n')
      const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0)
      area.focus()
      area.setSelectionRange(start + Math.max(0, (column ?? 1) - 1), start + (lines[line - 1]?.length ?? 0))
      const height = Number.parseFloat(getComputedStyle(area).lineHeight)
      area.scrollTop = Math.max(0, (line - 1) * height - area.clientHeight / 3)
    },
  }))
  const count = text.split('\n').length
  const faultyLines = faults.flatMap(({ line }) => line ?? [])
  return (
    <div>
      <label htmlFor={id} className="text-sm font-semibold text-faded">
        Plan, as YAML
      </label>
      <div className="mt-1 flex h-[60dvh] min-h-80 overflow-hidden rounded-lg border border-edge bg-surface font-mono text-[0.8125rem] leading-5 has-focus-visible:outline-2 has-focus-visible:outline-offset-2 has-focus-visible:outline-ink lg:h-[calc(100dvh-15rem)]">
        <div
          ref={gutter}
          aria-hidden="true"
          className="shrink-0 overflow-hidden bg-sunken text-right text-faded select-none"
        >
          <Gutter count={count} faulty={faultyLines.join(' ')} />
        </div>
        <textarea
          ref={field}
          id={id}
          value={text}
          wrap="off"
          spellCheck={false}
          autoCapitalize="off"
          autoComplete="off"
          aria-invalid={faults.length > 0 || undefined}
          aria-describedby="plan-faults"
          onChange={({ target }) => onChange(target.value)}
          onScroll={({ currentTarget }) => {
            if (gutter.current !== null) gutter.current.scrollTop = currentTarget.scrollTop
          }}
          className="min-w-0 flex-1 resize-none overflow-auto bg-transparent whitespace-pre outline-none"
          style={{ padding: `${PADDING}rem` }}
        />
      </div>
    </div>
  )
}

/** The line numbers; drawn again only when their number or the faulty lines change. */
const Gutter = memo(function Gutter({ count, faulty }: { count: number; faulty: string }) {
  const numbers = Array.from({ length: count }, (_, at) => at + 1).join('\n')
  const lines = new Set(faulty === '' ? [] : faulty.split(' ').map(Number))
  return (
    <div className="relative mb-10 px-2" style={{ paddingBlock: `${PADDING}rem` }}>
      <pre>{numbers}</pre>
      {[...lines].map((line) => (
        <span
          key={line}
          className="absolute inset-x-0 border-l-4 border-broken bg-broken-pale pr-2 font-bold text-broken"
          style={{ top: `${PADDING + (line - 1) * LINE}rem`, height: `${LINE}rem` }}
        >
          {line}
        </span>
      ))}
    </div>
  )
})
