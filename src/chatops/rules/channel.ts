import type { Environment } from '../../flags/index.ts'
import type { RuleSettings } from './settings.ts'

/** Says why a change of an environment may not come from where it does; undefined when it may. `channel` is Slack's. */
export function channelRefusal(
  environment: Environment,
  channel: string | undefined,
  settings: Pick<RuleSettings, 'productionChannel' | 'allowsProductionFromApi'>,
): string | undefined {
  const { productionChannel, allowsProductionFromApi } = settings
  if (environment !== 'production' || productionChannel === undefined) return undefined
  if (channel === productionChannel || (channel === undefined && allowsProductionFromApi)) return undefined
  return channel === undefined
    ? `production is changed from the Slack channel ${productionChannel} only`
    : `production is changed from the channel <#${productionChannel}> only`
}
