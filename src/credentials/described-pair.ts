/**
 * The header with which the gateway asks a side's token info endpoint to describe a refresh token by its access token,
 * as Doorkeeper's introspection does. The gateway drops it from requests of clients, as it does every `gitlab-iam-`
 * header; a side that does not know it answers 401.
 */
export const DESCRIBED_PAIR_HEADER = 'gitlab-iam-described-pair'
