/** The path under which the console is served, with a slash at its end; the server writes it into the page's base. */
export function consolePath(): string {
  return new URL(document.baseURI).pathname
}

/** The address of a path of the API, such as `api/v1/status`; undefined and empty parameters are left out. */
export function apiAddress(path: string, query: Query = {}): URL {
  const address = new URL(`../${path}`, document.baseURI)
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') address.searchParams.set(name, String(value))
  }
  return address
}

export type Query = Readonly<Record<string, string | number | boolean | undefined>>
