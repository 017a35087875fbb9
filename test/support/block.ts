/** Keeps this process from doing anything else, as a machine without CPU time for it does. */
export function blockFor(durationMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, durationMs)
}
