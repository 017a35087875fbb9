import type { SideEffectGitLab } from './settings.ts'

/** The API address of a project. */
export function projectUrl({ url }: Pick<SideEffectGitLab, 'url'>, project: string): string {
  return `${url}/api/v4/projects/${encodeURIComponent(project)}`
}

/**
 * The API address of an issue, if it belongs to this GitLab: both `…/-/issues/1` and `…/-/work_items/1`. Throws
 * `URIError` for a malformed address.
 */
export function issueApiOf(
  gitlab: Pick<SideEffectGitLab, 'url'>,
  address: string | null | undefined,
): string | undefined {
  if (!address?.startsWith(`${gitlab.url}/`)) return undefined
  const [, project, iid] =
    /^\/([^?#]+?)\/-\/(?:issues|work_items)\/(\d+)(?:[?#]|$)/.exec(address.slice(gitlab.url.length)) ?? []
  if (project === undefined) return undefined
  return `${projectUrl(gitlab, decodeURIComponent(project))}/issues/${iid}`
}
