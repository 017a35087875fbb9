import { type DestinationStream, type Logger, pino } from 'pino'

/** A structured log: one JSON object a line. Never hand it a credential, secret, verifier or cookie. */
export type Log = Logger

/** Every line a part writes carries its name as `component`. `destination` is standard output unless given. */
export function createLog(component: string, options: { level?: string; destination?: DestinationStream } = {}): Log {
  const settings = {
    level: options.level ?? 'info',
    base: { component },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    messageKey: 'msg',
  }
  return options.destination ? pino(settings, options.destination) : pino(settings)
}

/** A log that goes nowhere, for code under test. */
export const silentLog: Log = pino({ level: 'silent' })
