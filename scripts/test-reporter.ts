import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

/** How one test ended, as {@link report} writes it: one JSON object a line. */
export interface ReportedTest {
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** The names of the suites around it and its own, joined by ` › `. */
  readonly name: string
  /** For a failure: where the test stands, and what was thrown. */
  readonly line: number | undefined
  readonly error: string | undefined
  /** For a skipped test: why, as far as it says. */
  readonly reason: string | undefined
}

/** The reporter that `npm test` gives to the process of each test file. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = []
  for await (const { type, data } of events) {
    if (type === 'test:start') path.splice(data.nesting, path.length, data.name)
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const error = type === 'test:fail' ? data.details.error : undefined
    const isSuite = data.details.type === 'suite'
    // A suite counts only when it fails by itself (a hook that throws), not for what is inside.
    if (isSuite && (!error || failureTypeOf(error) === 'subtestsFailed')) continue
    const reason = data.skip ?? data.todo
    const isSkipped = reason !== undefined && reason !== false
    const test: ReportedTest = {
      outcome: isSkipped ? 'skipped' : error ? 'failed' : 'passed',
      name: [...path.slice(0, data.nesting), data.name].join(' › '),
      line: data.line,
      error: error && inspect(error.cause ?? error, { depth: 4 }),
      reason: typeof reason === 'string' ? reason : undefined,
    }
    yield `${JSON.stringify(test)}\n`
  }
}

function failureTypeOf(error: Error): unknown {
  return 'failureType' in error ? error.failureType : undefined
}
