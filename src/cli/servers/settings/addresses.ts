import { type ListenAddress, parseListenAddress } from '../../../http/index.ts'

/** The address in an option that the schema has already validated. */
export function listenAddress(text: string): ListenAddress {
  const address = parseListenAddress(text)
  if (!address) throw new TypeError(`not HOST:PORT: ${text}`)
  return address
}
