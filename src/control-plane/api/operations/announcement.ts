import { z } from 'zod'
import { applicationSchema } from '../../../applications/index.ts'

/** PostgreSQL's text cannot store NUL, and a lone surrogate from JSON is not valid text. */
const announcedApplicationSchema = applicationSchema.refine(
  (application) => isStorable(JSON.stringify(application)),
  'must not hold NUL or broken Unicode',
)

/** An application as its platform announces it. */
export const announcementSchema = z.strictObject({
  application: announcedApplicationSchema,
  iam_version: z
    .int()
    .positive()
    .nullable()
    .describe('The version that IAM holds, or null; ignored where the platform creates applications at IAM itself'),
})

function isStorable(text: string): boolean {
  return !text.includes('\\u0000') && text.isWellFormed() && !/\\ud[89a-f]/i.test(text)
}
