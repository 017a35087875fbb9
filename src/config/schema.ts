import { z } from 'zod'
import { control } from './sections/control.ts'
import { gateway } from './sections/gateway.ts'
import { iam } from './sections/iam.ts'
import { monolith } from './sections/monolith.ts'
import { up } from './sections/up.ts'

/** All options, one section per command; the file, the variables and the flags are validated against it. */
export const sections = { gateway, control, iam, monolith, up } as const
export type Section = keyof typeof sections
export type Settings<S extends Section> = z.infer<(typeof sections)[S]>

/** The whole file: any of the sections, and nothing else. */
export const fileSchema = z.strictObject({
  gateway: z.record(z.string(), z.unknown()).optional(),
  control: z.record(z.string(), z.unknown()).optional(),
  iam: z.record(z.string(), z.unknown()).optional(),
  monolith: z.record(z.string(), z.unknown()).optional(),
  up: z.record(z.string(), z.unknown()).optional(),
})
