/** What a role says to the process that started it: {ready: true, …} or {ready: false, problem}. */

/** Waits until the parent is told: an exit right after a send would lose it. */
export function tellParent(message: Readonly<Record<string, unknown>>): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send || !process.connected) return resolve();
    process.send(message, () => resolve());
  });
}

/** What a person can mend, told to the supervisor or to the terminal, in one sentence. */
export function giveUp(problem: string): void {
  process.stderr.write(`${problem}\n`);
  process.exitCode = 1;
  if (process.send === undefined) process.exit(1);
  process.send({ ready: false, problem }, () => process.exit(1));
}
