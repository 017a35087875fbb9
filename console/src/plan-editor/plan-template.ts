import type { Environment } from '../api/documents.ts'
import { ROUTING_FLAG } from '../api/flag-changes.ts'

/** The text with which a new plan begins: valid, careful, and explained line by line. */
export function planTemplate(environment: Environment): string {
  return `version: 1
name: wave-1
flag: ${ROUTING_FLAG}
environment: ${environment}

# What each step moves: a sample of the cohorts,
# a percentage, or applications: [1, client-id]
steps:
  - sample: one_per_cohort
  - percentage: 10
  - percentage: 25
  - percentage: 50
    approval: required
  - percentage: 100

# How long each step lasts at least, and the failure
# rate that it must rule out, at 95 %.
dwell: 15m
evidence: { bound: 0.1 }

# It is held when more than this are taken back.
exclude: { at_most: 5% }

# How long the last step is watched.
soak: 24h
`
}
