/** What pages say while Python and the model come. */

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

/** How much of Python has arrived; `total` is 0 while nobody knows. */
export function startingPython(loaded: number, total: number): string {
  return total ? `Starting Python: ${megabytes(loaded)} of ${megabytes(total)} MB` : "Starting Python…";
}
