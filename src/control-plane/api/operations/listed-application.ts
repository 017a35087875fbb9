import { z } from 'zod'
import type { ListedApplication } from '../../explain/application-list.ts'
import { LIST_SORTS, TROUBLES } from '../../explain/application-order.ts'
import { environmentField } from '../flags/flags.ts'

/** The default and the maximum page size. */
const LIMIT = 100
const MOST = 1_000
const LIMIT_RULE = `must be an integer from 1 to ${MOST}`
/** The rule that a cursor broke. */
export const AFTER_RULE = 'must be the place behind a page of the same sort, as `next` gives it'

const booleanField = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((text) => text === 'true')
  .optional()

/** The filter and the page of a list. */
export const listQuerySchema = z.strictObject({
  limit: z
    .string({ error: LIMIT_RULE })
    .regex(/^[1-9]\d{0,3}$/, LIMIT_RULE)
    .transform(Number)
    .refine((limit) => limit <= MOST, LIMIT_RULE)
    .default(LIMIT)
    .describe(`Maximum number of applications to return; at most ${MOST}`),
  after: z
    .string({ error: AFTER_RULE })
    .min(1, AFTER_RULE)
    .max(2_000, AFTER_RULE)
    .optional()
    .describe('`next` of the page before, with the same sort; with sort=id, any id'),
  sort: z
    .enum(['id', ...LIST_SORTS], { error: `must be id, ${LIST_SORTS.join(', ')}` })
    .default('id')
    .describe('By id, name, flows a day, or trouble: the worst first, then those with the most traffic'),
  order: z
    .enum(['asc', 'desc'], { error: 'must be asc or desc' })
    .optional()
    .describe('Default: desc for traffic and trouble, asc for name; ids always ascend'),
  environment: environmentField,
  side: z
    .enum(['iam', 'rails'], { error: 'must be iam or rails' })
    .optional()
    .describe('Only those whose new flows start there, by flag and arrival'),
  arrived: booleanField.describe('Only those whose current version IAM holds, or does not hold'),
  failing: booleanField.describe(
    'Only those that are on IAM and fail there according to the gateways, or only the others',
  ),
  search: z
    .string({ error: 'must be one text' })
    .min(1, 'must not be empty')
    .max(255, 'must be at most 255 characters')
    .optional()
    .describe('Only those with this text in the name or client_id, regardless of case, or with this id'),
})

/** A valid query of the list. */
export type ListQuery = z.infer<typeof listQuerySchema>

const reportSchema = z.object({
  successes: z.int(),
  failures: z.int(),
  error: z.string().nullable().describe('The OAuth error reported with the most failures'),
  circuit_open_at: z.array(z.string()).describe('The gateways where its own circuit is open'),
})

/** An application as lists and the status show it. */
export const listedApplicationSchema = z.object({
  id: z.int(),
  client_id: z.string(),
  name: z.string().nullable().describe('As announced by its platform: untrusted text'),
  version: z.int(),
  iam_version: z.int().nullable(),
  arrived: z.boolean(),
  side: z
    .enum(['iam', 'rails'])
    .describe('Where new flows start by flag and arrival, regardless of brake and circuits'),
  flag: z.object({ on: z.boolean(), gate: z.string().describe('The gate that decides') }),
  failing: z.boolean(),
  report: reportSchema
    .nullable()
    .describe('What connected gateways report about its requests at IAM in the last five to ten minutes'),
})

/** What the list adds to an application. */
const rowFactsSchema = z.object({
  trouble: z.enum(TROUBLES).nullable().describe('What troubles it most'),
  traffic_per_day: z.number().nullable().describe('Its flows on both sides within 24 hours; null while unknown'),
  failed: z.number().nullable().describe('Those of them that the server caused to fail'),
  evidence: z
    .object({
      guard: z.string(),
      verdict: z.string(),
      evidence: z.number(),
      threshold: z.number(),
      outcomes: z.int(),
      failures: z.int(),
      sentence: z.string(),
    })
    .nullable()
    .describe('The guard that is nearest to its threshold; null for an application that no rollout has moved'),
  iam_credentials: z.int().nullable().describe('How many of its credentials are valid at IAM; null when unknown'),
  is_probe_twin: z
    .boolean()
    .describe('Only probes use it; it is counted nowhere, and only lists by id and searches have it'),
})
/** What the list adds to an application. */
export type RowFacts = z.infer<typeof rowFactsSchema>
/** An application in a document of the API. */
export type ListedApplicationDocument = z.infer<typeof listedApplicationSchema>

/** A page of the list. */
export const listAnswerSchema = z.object({
  applications: z.array(listedApplicationSchema.extend(rowFactsSchema.shape)),
  next: z
    .union([z.int(), z.string()])
    .nullable()
    .describe('The `after` of the next page, an id with sort=id; null on the last page'),
  total: z.int().nullable().describe('How many applications pass the filter; null on later pages'),
  iam_grant_types: z
    .array(z.string())
    .nullable()
    .describe('What the IAM of this control plane can serve; null if unknown'),
})
/** The document of `GET /api/v1/applications`. */
export type ListDocument = z.infer<typeof listAnswerSchema>

/** Renders an application of a list, with what the list adds to it. */
export function listedDocument<Facts extends object>(
  application: ListedApplication,
  facts: Facts,
): ListedApplicationDocument & Facts {
  const { id, client_id, name, version, iam_version, arrived, side, flag, failing, report } = application
  return {
    ...facts,
    ...{ id, client_id, name: name ?? null, version, iam_version, arrived, side, flag: { ...flag }, failing },
    report: report
      ? {
          ...{ successes: report.successes, failures: report.failures, error: report.error ?? null },
          circuit_open_at: [...report.circuitOpenAt],
        }
      : null,
  }
}
