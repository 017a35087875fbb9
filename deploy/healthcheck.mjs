// Ends with 0 when the part of this container answers. Each has a port of its own, so one of them is enough.
const places = process.argv[2]
  ? [process.argv[2]]
  : [9181, 8080, 8085].map((port) => `http://127.0.0.1:${port}/healthz`)
const answers = await Promise.all(
  places.map(async (place) => {
    try {
      return (await fetch(place, { signal: AbortSignal.timeout(2_000) })).ok
    } catch {
      return false
    }
  }),
)
process.exit(answers.includes(true) ? 0 : 1)
