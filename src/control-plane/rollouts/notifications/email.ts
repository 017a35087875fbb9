import { createTransport } from 'nodemailer'
import { terminalLines } from '../../../chatops/index.ts'
import { type Channel, type Delivery, SEND_LIMIT_MS } from './channel.ts'
import { sectionsOf } from './notice.ts'
import type { EmailSettings } from './settings.ts'

/**
 * Sends each message by SMTP. All messages about a rollout refer to its first one (RFC 5322 §3.6.4), so that mail
 * programs show them as one conversation; a repeated message has the same `Message-ID`.
 */
export function emailChannel(settings: EmailSettings): Channel {
  const { host, port, tls, user, from, to, ca } = settings
  const limit = SEND_LIMIT_MS / 3
  const transport = createTransport({
    ...{ host, port, secure: tls === 'implicit', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none' },
    ...(user && { auth: { user: user.name, pass: user.password } }),
    ...(ca !== undefined && { tls: { ca } }),
    ...{ connectionTimeout: limit, greetingTimeout: limit, socketTimeout: limit, dnsTimeout: limit },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  })
  const domain = /@([\w.-]+)>?$/.exec(from)?.[1] ?? 'handover.invalid'
  return {
    name: 'email',
    async send({ notice, id, thread, receivers }): Promise<Delivery> {
      const messageId = `<${id}@${domain}>`
      const answer = { command: '', outcome: 'info' as const, sections: sectionsOf(notice), correlationId: id }
      const lines = [notice.subject, '', ...terminalLines(answer).slice(0, -1)]
      const { responsible } = notice.rollout
      if (responsible !== undefined) lines.push('', `Responsible: ${responsible}`)
      if (notice.url !== undefined) lines.push('', notice.url)
      try {
        await transport.sendMail({
          ...{
            from,
            to: [...new Set([...to, ...(receivers?.email ?? [])])],
            messageId,
            subject: notice.subject.replaceAll(/\s+/g, ' ').slice(0, 200),
          },
          text: `${lines.join('\n')}\n`,
          ...(thread !== undefined && { inReplyTo: thread, references: thread }),
          headers: { 'auto-submitted': 'auto-generated' },
        })
        return { kind: 'delivered', thread: thread ?? messageId }
      } catch (error) {
        return failureOf(error)
      }
    },
  }
}

/** The code of the client and the server's status, never its text, which may repeat addresses or credentials. */
function failureOf(error: unknown): Delivery {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown }
  const status = typeof responseCode === 'number' ? ` (status ${responseCode})` : ''
  const why = `the mail server did not take it: ${typeof code === 'string' ? code : 'unknown error'}${status}`
  return { kind: responseCode === 552 || code === 'EMESSAGE' ? 'refused' : 'failed', why }
}
