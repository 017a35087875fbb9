/** An open problem that a customer reported. */
export interface ProblemFact {
  readonly id: number
  readonly applicationId: number
  readonly reason: string
  readonly reportedBy: string
}
