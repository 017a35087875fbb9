import { CONTROL_HELP } from '../../client/control-client.ts'

/** What `handover rollout --help` prints. */
export const HELP = `Usage: handover rollout validate|simulate|create PLAN.yaml
       handover rollout list [--environment NAME]
       handover rollout show|watch|report|issue ID
       handover rollout start|pause|resume|next|abort|approve|acknowledge ID
       handover rollout back ID [--to-step N]
       handover rollout exclude|retry ID --oauth-application=<id|client_id>

Moves applications to IAM by a plan, step by step.

  validate     check a plan without a control plane: every fault with line and field
  simulate     say who moves when, the load to expect on IAM, when the evidence will suffice, and what would stall
  create       create a draft from a plan
  start        start a draft
  list, show   the rollouts; one rollout with its steps, what it waits for, and what was taken back
  watch        print what happens until the rollout has ended. Exit code: 0 completed, 1 aborted
  pause        stop before the next step; nothing moves back
  resume       continue a paused or held rollout
  next         begin the next step without waiting for evidence
  back         go back to a step, or with 0 to the beginning; the flag gets the gates that it had then
  abort        end the rollout; the flag goes back to what it was before
  exclude      take an application out and back to the monolith
  retry        let an excluded application in again, as a new attempt
  approve      approve the step that waits for it
  acknowledge  say that you watch the rollout for two hours
  report       print what the rollout came to
  issue        print the rollout issue as Markdown, or keep its part current in GitLab

  --reason TEXT
      The reason; recorded in the timeline and in the audit log.
  --change-issue URL
      The change issue.
  --version N
      Act only if the rollout is still at this version, which 'show' prints. Default: its present version.
  --to-step N
      With back: the step to go back to. Default: the one before.
  --keep-flag
      With abort: leave the flag as it is.
  --ignore-production-check, --ignore-feature-flag-consistency-check, --ignore-step-limit
      With start: rules of ChatOps that do not apply to this rollout. Recorded with it.
  --oauth-application ID
      With exclude and retry: the application, by id or client_id.
  --environment NAME
      With list: only the rollouts of this environment. Default: all.
  --log FILE
      With simulate: take the traffic from this file of decision log lines of a gateway. Default: the outcomes of the
      last day.
  --allow-short
      With validate: accept durations below the minimum, as a control plane with test controls does.
  --format markdown|html
      With report: the format. Default: markdown.
  --output FILE
      With report and issue: write to this file.
  --update
      With issue: write it to the rollout issue in GitLab; only the part that Handover keeps is changed.
${CONTROL_HELP}`
