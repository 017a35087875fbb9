import type { Settings } from '../../../config/index.ts'
import type { TracingSettings } from '../../../observability/index.ts'

/** The tracing settings of a part; undefined when tracing is off. */
export function tracingSettings(
  settings: Pick<Settings<'gateway'>, 'trace' | 'trace_sample_percent' | 'otlp_endpoint'>,
  service: string,
): TracingSettings | undefined {
  const { trace, trace_sample_percent, otlp_endpoint } = settings
  if (trace === 'off') return undefined
  return { mode: trace, samplePercent: trace_sample_percent, endpoint: otlp_endpoint, service }
}
