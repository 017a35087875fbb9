import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

/** The result of one test as {@link report} writes it: one JSON object per line. */
export interface ReportedTest {
  readonly outcome: 'passed' | 'failed' | 'skipped'
  /** The names of the enclosing suites and its own, joined by ` › `. */
  readonly name: string
  /** For a failure: the location of the test, and the error. */
  readonly line: number | undefined
  readonly error: string | undefined
  /** For a skipped test: the reason, if it gives one. */
  readonly reason: string | undefined
}

/** The reporter that `npm test` passes to the process of each test file. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const path: string[] = []
  for await (const { type, data } of events) {
    if (type === 'test:start') path.splice(data.nesting, path.length, data.name)
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const error = type === 'test:fail' ? data.details.error : undefined
    const isSuite = data.details.type === 'suite'
    // A suite counts only if it fails itself (a hook that throws), not if one of its tests fails.
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
