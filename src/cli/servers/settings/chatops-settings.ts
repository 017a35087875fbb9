import { DEFAULT_RULES, type RuleSettings } from '../../../chatops/index.ts'
import { readSecretFile, type Settings } from '../../../config/index.ts'
import type { AlarmSettings, ControlPlaneSettings } from '../../../control-plane/index.ts'
import { ENVIRONMENTS } from '../../../flags/index.ts'
import { readWebhookFile } from './webhook-file.ts'

type Given = NonNullable<Settings<'control'>['chatops']>

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

/** Turns the section `chatops` into settings; throws `ConfigError` for an unreadable secret file. */
export function chatOpsSettings(
  given: Settings<'control'>['chatops'],
): Pick<ControlPlaneSettings, 'chatops' | 'commits'> {
  if (given === undefined) return {}
  const { slack, teams, repository, gitlab } = given
  return {
    chatops: {
      rules: rulesOf(given),
      slack: slack && {
        signingSecret: readSecretFile('control.chatops.slack.signing_secret_file', slack.signing_secret_file),
        teamIds: slack.team_ids,
        people: slack.people.map(({ slack_id, name, role, environments = ENVIRONMENTS }) => ({
          ...{ slackId: slack_id, name, mayChange: role === 'operator' ? environments : [] },
        })),
        letsStrangersLook: slack.strangers === 'viewer',
        responseHosts: slack.response_hosts,
      },
      alarms: given.alarms && alarmSettings(given.alarms),
      teams: teams.map(({ group, webhook_file }) => ({
        group,
        webhook: readWebhookFile('control.chatops.teams.webhook_file', webhook_file),
      })),
    },
    commits: {
      repository,
      ...(gitlab && {
        gitlab: {
          url: gitlab.url,
          token:
            gitlab.token_file === undefined
              ? undefined
              : readSecretFile('control.chatops.gitlab.token_file', gitlab.token_file),
          project: gitlab.project,
          environments: gitlab.environments,
        },
      }),
    },
  }
}

function alarmSettings(given: NonNullable<Given['alarms']>): AlarmSettings {
  const { prometheus_url, alertmanager_url, token_file, name_prefix, severities, match } = given
  return {
    ...{
      kind: prometheus_url === undefined ? 'alertmanager' : 'prometheus',
      url: prometheus_url ?? alertmanager_url ?? '',
    },
    token: token_file === undefined ? undefined : readSecretFile('control.chatops.alarms.token_file', token_file),
    ...{ namePrefix: name_prefix, severities, match },
  }
}

function rulesOf(given: Given): RuleSettings {
  const { production_check: check, max_step_points, min_step_minutes } = given
  const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))
  return {
    ...DEFAULT_RULES,
    productionChannel: given.production_channel,
    allowsProductionFromApi: given.production_from_api,
    productionCheck: {
      waitMs: check.wait_seconds * 1_000,
      pollMs: check.poll_seconds * 1_000,
      minGateways: check.min_gateways,
      maxLagMs: check.max_lag_seconds * 1_000,
      maxFailurePercent: check.max_failure_percent,
    },
    freezes: given.freezes,
    weeklyFreezes: given.weekly_freezes.map(({ days, from, until, why }) => ({
      ...{ days: days.map((day) => DAYS.indexOf(day)), from: minutes(from), until: minutes(until), why },
    })),
    twoPerson: given.two_person,
    proposalMs: given.proposal_hours * 3_600_000,
    maxStepPoints: max_step_points,
    minStepMs: min_step_minutes === undefined ? undefined : min_step_minutes * 60_000,
  }
}
