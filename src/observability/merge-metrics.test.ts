import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeMetrics } from './merge-metrics.ts'

const one = `# HELP handover_gateway_requests_total Requests.
# TYPE handover_gateway_requests_total counter
handover_gateway_requests_total{endpoint="token",code="200"} 3
# HELP d Duration.
# TYPE d histogram
d_bucket{le="1"} 2
d_bucket{le="+Inf"} 3
d_sum 4.5
d_count 3
# TYPE handover_snapshot_version gauge
handover_snapshot_version 7
# TYPE handover_snapshot_age_seconds gauge
handover_snapshot_age_seconds 1
`
const two = `# HELP handover_gateway_requests_total Requests.
# TYPE handover_gateway_requests_total counter
handover_gateway_requests_total{endpoint="token",code="200"} 4
handover_gateway_requests_total{endpoint="token",code="400"} 1
# HELP d Duration.
# TYPE d histogram
d_bucket{le="1"} 1
d_bucket{le="+Inf"} 1
d_sum 0.5
d_count 1
# TYPE handover_snapshot_version gauge
handover_snapshot_version 6
# TYPE handover_snapshot_age_seconds gauge
handover_snapshot_age_seconds 9
`

test('counters and histograms are summed, gauges take the maximum, a version the minimum', () => {
  assert.equal(
    mergeMetrics([one, two]),
    `# HELP handover_gateway_requests_total Requests.
# TYPE handover_gateway_requests_total counter
handover_gateway_requests_total{endpoint="token",code="200"} 7
handover_gateway_requests_total{endpoint="token",code="400"} 1
# HELP d Duration.
# TYPE d histogram
d_bucket{le="1"} 3
d_bucket{le="+Inf"} 4
d_sum 5
d_count 4
# TYPE handover_snapshot_version gauge
handover_snapshot_version 6
# TYPE handover_snapshot_age_seconds gauge
handover_snapshot_age_seconds 9
`,
  )
})

test('memory and handles of the processes are summed, their lag is the maximum', () => {
  const text = (bytes: number) =>
    `# TYPE nodejs_heap_size_used_bytes gauge\nnodejs_heap_size_used_bytes ${bytes}\n# TYPE nodejs_eventloop_lag_p99_seconds gauge\nnodejs_eventloop_lag_p99_seconds ${bytes}\n`
  const merged = mergeMetrics([text(10), text(32)])
  assert.match(merged, /^nodejs_heap_size_used_bytes 42$/m)
  assert.match(merged, /^nodejs_eventloop_lag_p99_seconds 32$/m)
})

test('a single text is unchanged', () => {
  assert.equal(mergeMetrics([one]), one)
})

test('a label value with a space and a brace does no harm', () => {
  const text = '# TYPE m counter\nm{error="a } b"} 1\n'
  assert.equal(mergeMetrics([text, text]), '# TYPE m counter\nm{error="a } b"} 2\n')
})
