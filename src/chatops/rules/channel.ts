import type { Environment } from '../../flags/index.ts'
import type { RuleSettings } from './settings.ts'

/** Why a change of an environment may not come from a Slack channel; undefined if it may. */
export function channelRefusal(
  environment: Environment,
  channel: string | undefined,
  settings: Pick<RuleSettings, 'productionChannel' | 'allowsProductionFromApi'>,
): string | undefined {
  const { productionChannel, allowsProductionFromApi } = settings
  if (environment !== 'production' || productionChannel === undefined) return undefined
  if (channel === productionChannel || (channel === undefined && allowsProductionFromApi)) return undefined
  return channel === undefined
    ? `production can be changed from the Slack channel ${productionChannel} only`
    : `production can be changed from the channel <#${productionChannel}> only`
}
