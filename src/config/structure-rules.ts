import { z } from 'zod'

/** A whole number within bounds. */
export function wholeRule(min: number, max: number) {
  const rule = `must be a whole number from ${min} to ${max}`
  return z.int(rule).min(min, rule).max(max, rule)
}

/** The path of a file that holds a secret. */
export const secretFileRule = z.string().min(1, 'must not be empty')

/** The address of a server. */
export const httpUrlRule = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'must be an http or https URL')

/** A GitLab project, by its path. */
export const projectRule = z
  .string()
  .regex(/^[\w.-]+(\/[\w.-]+)+$/, 'must be the path of a project, such as group/project')

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/

/** The address of a server that secrets are sent to: https, or a loopback address. */
export const secureUrlRule = httpUrlRule.refine((text) => {
  if (!URL.canParse(text)) return true
  const { protocol, hostname } = new URL(text)
  return protocol === 'https:' || LOOPBACK.test(hostname)
}, 'must be an https URL or a loopback address')
