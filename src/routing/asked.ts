import { hash32 } from './hash32.ts'
import type { RoutingParameters } from './parameters.ts'

/**
 * What a request asks for, as 32-bit numbers that are equal for equal requests: enough to tell whether a server that
 * refuses it has granted the same before.
 */
export interface Asked {
  readonly scope: number
  readonly redirectUri: number
  /**
   * The names of the parameters, grant and response type, the client's authentication method, the type of the body, and
   * the class of length of `state`.
   */
  readonly form: number
}

const LONGEST_STATE = 48

/** The headers of a request that belong to its form. */
interface FormHeaders {
  readonly authorization: string | undefined
  readonly contentType: string | undefined
}

/** Says what a request asks for; see {@link Asked}. */
export function askedOf(headers: FormHeaders, parameters: RoutingParameters): Asked {
  const { authorization = '', contentType = '' } = headers
  const method = before(authorization, ' ')
  const type = before(contentType, ';')
  const state = parameters.get('state')
  const length = state === undefined ? -1 : Math.min(state.length, LONGEST_STATE) >> 2
  let form = parameters.nameSum
  for (const part of [parameters.get('grant_type'), parameters.get('response_type'), method, type]) {
    form = Math.imul(form, 31) + hash32(part ?? '')
  }
  return {
    scope: hash32(parameters.get('scope') ?? ''),
    redirectUri: hash32(parameters.get('redirect_uri') ?? ''),
    form: (Math.imul(form, 31) + length) >>> 0,
  }
}

function before(text: string, separator: string): string {
  const at = text.indexOf(separator)
  return at < 0 ? text : text.slice(0, at)
}
