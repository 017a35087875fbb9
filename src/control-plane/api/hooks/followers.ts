import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Environment } from '../../../flags/index.ts'
import { sendProblem } from '../../requests/problems.ts'
import { callerOf } from './authentication.ts'

/** Whether a request carries the token of a gateway that is bound to other environments than this one. */
export function isOutOfBounds(request: FastifyRequest, environment: Environment): boolean {
  const { role, environments } = callerOf(request)
  return role === 'gateway' && !environments.includes(environment)
}

/** Refuses such a request, naming the environment. */
export function refuseFollower(reply: FastifyReply, environment: Environment): FastifyReply {
  return sendProblem(reply, 403, 'forbidden', { detail: `the gateway's token is not for ${environment}` })
}
