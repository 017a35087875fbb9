// The routing rule of the peers: one set of client ids, looked up in the query or the form. No logs, no metrics.

/** The moved clients of a benchmark, from the environment. */
export const moved = new Set((process.env['BENCH_MOVED'] ?? '').split(','))
export const legacyUrl = process.env['BENCH_LEGACY'] ?? ''
export const iamUrl = process.env['BENCH_IAM'] ?? ''
export const port = Number(process.env['BENCH_PORT'])

/** The upstream for a request, by `client_id` in its query or form. */
export function upstreamOf(url: string, form: string | undefined): string {
  const mark = url.indexOf('?')
  const clientId = new URLSearchParams(form ?? (mark < 0 ? '' : url.slice(mark + 1))).get('client_id')
  return clientId !== null && moved.has(clientId) ? iamUrl : legacyUrl
}
