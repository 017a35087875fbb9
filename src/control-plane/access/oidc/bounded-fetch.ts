import type { CustomFetch } from 'openid-client'

/** Documents of OpenID providers are a few kilobytes long. */
const LONGEST_ANSWER = 1 << 20

/** `fetch` that reads at most 1 MiB of a response and rejects if it is longer. */
export const boundedFetch: CustomFetch = async (url, options) => {
  const { status, headers, body } = await fetch(url, options as RequestInit)
  if (body === null) return new Response(null, { status, headers })
  const chunks: Uint8Array[] = []
  let length = 0
  // Throwing out of the loop closes the connection, so that the rest is not received.
  for await (const chunk of body) {
    length += chunk.length
    if (length > LONGEST_ANSWER) throw new Error(`the answer is longer than ${LONGEST_ANSWER} bytes`)
    chunks.push(chunk)
  }
  return new Response(Buffer.concat(chunks), { status, headers })
}
