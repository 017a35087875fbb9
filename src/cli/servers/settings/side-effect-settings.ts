import { readSecretFile, type Settings } from '../../../config/index.ts'
import type { ControlPlaneSettings } from '../../../control-plane/index.ts'
import type { Environment } from '../../../flags/index.ts'
import { readWebhookFile } from './webhook-file.ts'

type Given = NonNullable<Settings<'control'>['side_effects']>

/** Turns the section `side_effects` into settings; throws `ConfigError` for an unreadable secret file. */
export function sideEffectSettings(
  given: Settings<'control'>['side_effects'],
  namesInGitLab: Readonly<Partial<Record<Environment, string>>> | undefined,
): Pick<ControlPlaneSettings, 'sideEffects'> {
  if (given === undefined) return {}
  const { grafana, events, gitlab, qa_channels, environment_names: names } = given
  const secret = (field: string, path: string) => readSecretFile(`control.side_effects.${field}`, path)
  return {
    sideEffects: {
      grafana: grafana && { url: origin(grafana.url), token: secret('grafana.token_file', grafana.token_file) },
      events: events && {
        url: events.url,
        token: events.token_file === undefined ? undefined : secret('events.token_file', events.token_file),
      },
      gitlab: gitlab && {
        url: origin(gitlab.url),
        token: secret('gitlab.token_file', gitlab.token_file),
        recordProject: gitlab.record_project,
        pipeline: gitlab.pipeline && pipelineOf(gitlab.pipeline, secret),
      },
      environmentNames: names ?? namesInGitLab,
      qaChannels: Object.fromEntries(
        Object.entries(qa_channels).map(([environment, path]) => [
          environment,
          readWebhookFile(`control.side_effects.qa_channels.${environment}`, path),
        ]),
      ),
    },
  }
}

function pipelineOf(
  given: NonNullable<NonNullable<Given['gitlab']>['pipeline']>,
  secret: (field: string, path: string) => string,
) {
  return {
    project: given.project,
    ref: given.ref,
    triggerToken: secret('gitlab.pipeline.trigger_token_file', given.trigger_token_file),
    waitMs: given.wait_minutes * 60_000,
    pollMs: given.poll_seconds * 1_000,
    environments: given.environments,
    forApplications: given.for_applications,
  }
}

function origin(url: string): string {
  return url.replace(/\/+$/, '')
}
