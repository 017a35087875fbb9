const LONGEST = 500

interface NameProps {
  /** Untrusted text: React renders it as text only, and `bdi` keeps its direction from reaching its neighbours. */
  readonly name: string | null
  readonly id: number
}

/** The name of an application as its platform announced it, on one line; the id stands for one without a name. */
export function ApplicationName({ name, id }: NameProps) {
  const shown = (name ?? '').replaceAll(/\s+/g, ' ').trim().slice(0, LONGEST)
  if (shown === '') return <span className="text-faded">Application {id}, whose name is not known</span>
  return (
    <bdi className="block min-w-0 truncate" title={shown}>
      {shown}
    </bdi>
  )
}
