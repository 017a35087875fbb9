import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type IssueFacts, newIssue, updatedIssue } from './issue.ts'
import { pageAsHtml, pageAsMarkdown, plainMarkdown } from './page.ts'
import { reportOf } from './report.ts'
import type { ReportedEvent, ReportedRollout } from './reported.ts'

const ROLLOUT: ReportedRollout = {
  ...{ id: 3, name: 'wave-2', flag: 'proxy_oauth_requests_to_iam_service', environment: 'production' },
  ...{
    state: 'running',
    step: 1,
    furthest_step: 1,
    earliest_next_at: null,
    waiting_for: ['21 of 34 flows were observed'],
  },
  steps: [
    { number: 1, moves: 'application 12', applications: 1, traffic_share: 0.004 },
    { number: 2, moves: '100 %', applications: 211, traffic_share: null },
  ],
  excluded: [
    {
      ...{ application_id: 42, guard: 'failures', cause: 'invalid_client', at: '2026-11-30T08:12:00Z' },
      sentence: '5 of 12 flows failed',
    },
  ],
}
const EVENTS: readonly ReportedEvent[] = [
  { number: 1, at: '2026-11-30T08:00:00Z', by: 'alice', kind: 'started', sentence: 'Started: wave 2 | <b>' },
  { number: 2, at: '2026-11-30T08:12:00Z', by: 'engine', kind: 'excluded', sentence: 'Application 42 taken back' },
]
const FACTS: IssueFacts = {
  ...{ group: 'group::authentication', responsible: 'alice', milestone: '19.1' },
  ...{ introducedByUrl: 'https://gitlab.example/g/p/-/merge_requests/1', featureIssueUrl: undefined },
  ...{ changeIssueUrl: undefined, checklist: [{ line: 'IAM is ready at every gateway', isDone: true }] },
}

describe('a report', () => {
  test('shows state, steps, excluded applications with their cause, and the timeline', () => {
    const text = pageAsMarkdown(reportOf(ROLLOUT, EVENTS))
    assert.match(text, /^# Rollout wave-2$/m)
    assert.match(text, /^\| 1 \| application 12 \| 1 \| 0\.4 % \| in progress \|$/m)
    assert.match(text, /^\| 2 \| 100 % \| 211 \| unknown \| to come \|$/m)
    const aborted = pageAsMarkdown(reportOf({ ...ROLLOUT, state: 'aborted', step: 0 }, EVENTS))
    assert.match(aborted, /^\| 1 \| application 12 \| 1 \| 0.4 % \| executed, then aborted \|$/m)
    assert.match(aborted, /^\| 2 \| 100 % \| 211 \| unknown \| not executed \|$/m)
    assert.match(text, /^\| 42 \| failures \| invalid_client \| 5 of 12 flows failed \|/m)
    assert.match(text, /Started: wave 2 \\\| \\<b\\>/)
  })

  test('says in the timeline how many events are left out, and where', () => {
    const [first, second] = EVENTS
    assert.ok(first !== undefined && second !== undefined)
    const text = pageAsMarkdown(reportOf(ROLLOUT, [first, { ...second, number: 1_236 }, { ...second, number: 1_238 }]))
    assert.match(text, /Started: [^\n]+\n[^\n]*1,234 events are left out here[^\n]*\n[^\n]*Application 42 taken back/)
    assert.match(text, /Application 42 taken back [^\n]+\n[^\n]*1 event is left out here/)
    assert.doesNotMatch(pageAsMarkdown(reportOf(ROLLOUT, EVENTS)), /left out/)
  })

  test('is the same page in HTML, with everything escaped', () => {
    const text = pageAsHtml(reportOf(ROLLOUT, EVENTS), 'wave-2')
    assert.match(text, /<td>Started: wave 2 \| &lt;b&gt;<\/td>/)
    assert.doesNotMatch(text, /<b>|<script/)
  })
})

describe('a chart of a report', () => {
  const chart = {
    ...{ title: 'Flows <by> side', unit: 'flows a minute', from: Date.parse('2026-11-30T08:00:00Z'), stepMs: 60_000 },
    series: [
      { name: 'rails', values: [40, 20, 0] },
      { name: 'iam', values: [0, 20, 45] },
    ],
    marks: [
      { at: Date.parse('2026-11-30T08:01:00Z'), text: 'step "1" & <b>' },
      { at: Date.parse('2026-11-29T08:01:00Z'), text: 'before the chart' },
    ],
  }

  test('is drawn without script or style, says its numbers to screen readers, and escapes every text', () => {
    const text = pageAsHtml(reportOf(ROLLOUT, EVENTS, [chart]), 'wave-2')
    assert.match(
      text,
      /<svg viewBox="0 0 900 260" width="100%" role="img" aria-label="Flows &lt;by&gt; side, 2026-11-30/,
    )
    assert.match(text, /iam: at most 45, at the end 45 flows a minute\./)
    assert.equal(text.match(/<polyline/g)?.length, 2)
    assert.match(text, /<title>2026-11-30 08:01 UTC: step &quot;1&quot; &amp; &lt;b&gt;<\/title>/)
    assert.doesNotMatch(text, /before the chart|<script|style=|<b>/)
  })

  test('stays inside its frame, also without any flow', () => {
    const flat = { ...chart, series: [{ name: 'rails', values: [0, 0] }], marks: [] }
    const text = pageAsHtml(reportOf(ROLLOUT, EVENTS, [flat]), 'wave-2')
    assert.match(text, /<polyline points="264,226 680,226"/)
    assert.doesNotMatch(text, /NaN|Infinity/)
  })

  test('becomes a sentence in Markdown', () => {
    assert.match(pageAsMarkdown(reportOf(ROLLOUT, EVENTS, [chart])), /rails: at most 40, at the end 0 flows a minute/)
  })
})

describe('a rollout issue', () => {
  test('has the sections of the template in their order, and a part of its own', () => {
    const text = newIssue(ROLLOUT, EVENTS, FACTS)
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)
    assert.deepEqual(headings, [
      ...['Summary', 'Owners', 'Expectations', 'Rollout on environments before production'],
      ...['Specific applications on production', 'Preparation before the global rollout'],
      ...['Global rollout on production', 'Release', 'Rollback', 'Progress of rollout wave-2'],
    ])
    assert.match(text, /- \[ \] `\/chatops gitlab run feature set proxy_oauth_requests_to_iam_service 50 --actors/)
    assert.match(text, /- \[x\] IAM is ready at every gateway/)
  })

  test('keeps what people wrote byte for byte when its part is brought up to date', () => {
    const written = newIssue(ROLLOUT, EVENTS, FACTS)
      .replace('- [ ] Support is informed', '- [x] Support is informed')
      .replace('## Rollback', '## Rollback\r\n\r\nAsk Bob  first.\t')
    const trailing = `${written}\n## Notes\n\nMine.`
    const updated = updatedIssue(trailing, { ...ROLLOUT, state: 'completed', step: 2 }, EVENTS, FACTS)
    const [before, after] = [trailing, updated].map((text) => text.replace(/<!-- handover[\s\S]*: end -->/, ''))
    assert.equal(after, before)
    assert.match(updated, /completed on production, step 2 of 2/)
    assert.doesNotMatch(updated, /running on production/)
  })

  test('gets its part at the end when it has none, or when it has been damaged', () => {
    assert.match(updatedIssue('Ours.', ROLLOUT, EVENTS, FACTS), /^Ours\.\n\n<!-- handover rollout 3/)
    const broken = newIssue(ROLLOUT, EVENTS, FACTS).replace(/<!-- handover rollout 3: end -->/, '')
    const once = updatedIssue(broken, ROLLOUT, EVENTS, FACTS)
    assert.equal(updatedIssue(once, ROLLOUT, EVENTS, FACTS), once)
  })

  test('an update without news changes nothing, whatever people wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (above, below) => {
        const first = `${updatedIssue(above, ROLLOUT, EVENTS, FACTS)}${below}`
        return updatedIssue(first, ROLLOUT, EVENTS, FACTS) === first
      }),
    )
  })
})

test('text from outside cannot become markup, a mention or a command of the issue tracker', () => {
  const cases: ReadonlyArray<readonly [string, string]> = [
    ['/close', '\\/close'],
    ['ask @alice about #12 and !3', 'ask \\@alice about \\#12 and \\!3'],
    ['[x](javascript:alert)', '\\[x\\](javascript:alert)'],
    ['a | b\n/close', 'a \\| b /close'],
    ['invalid_client', 'invalid_client'],
    ['- item', '\\- item'],
    ['https://gitlab.example/a/-/issues/1', 'https://gitlab.example/a/-/issues/1'],
  ]
  for (const [given, expected] of cases) assert.equal(plainMarkdown(given), expected)
})
