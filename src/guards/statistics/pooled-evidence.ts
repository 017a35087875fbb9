/**
 * The evidence of a group: the arithmetic mean of its members' present evidence, which is valid whatever the dependence
 * between them (Vovk and Wang 2021). 1 for a group without members.
 */
export function meanEvidence(evidence: readonly number[]): number {
  if (evidence.length === 0) return 1
  return evidence.reduce((sum, one) => sum + one / evidence.length, 0)
}

/**
 * The members of a group that are suspects, by e-BH (Wang and Ramdas 2022): of those named, at most `share` are named
 * wrongly in expectation. Takes present evidence; the promise does not hold for maxima over time (Tavyrikov, Goeman and
 * de Heide 2025). Returns the strongest first.
 */
export function suspects<Member extends { readonly evidence: number }>(
  members: readonly Member[],
  share = 0.05,
): readonly Member[] {
  const sorted = [...members].sort((one, other) => other.evidence - one.evidence)
  for (let named = sorted.length; named > 0; named--) {
    const weakest = sorted[named - 1]
    if (weakest !== undefined && weakest.evidence >= sorted.length / (share * named)) return sorted.slice(0, named)
  }
  return []
}
