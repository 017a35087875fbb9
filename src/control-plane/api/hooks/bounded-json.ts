import { MAX_MEMBERS, scanJson } from '../../../parameters/index.ts'
import type { Api } from '../../control-context.ts'

/** Answers 400 to a JSON body of more than 1,024 members or nested deeper than 100, before it is parsed. */
export function boundJson(api: Api): void {
  const parse = api.getDefaultJsonParser('error', 'error')
  api.removeContentTypeParser('application/json')
  api.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body)
    if (scanJson(text) === 'within_limits') return void parse(request, text, done)
    const message = `the body has more than ${MAX_MEMBERS} members or is nested too deeply`
    done(Object.assign(new Error(message), { statusCode: 400 }))
  })
}
