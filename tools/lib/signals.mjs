/**
 * Every signal goes on to the child, a second one too: it means "stop without finishing". That npm
 * passes on what the child has had already is the same press to it. On a terminal the child is in
 * the foreground group and has SIGINT and SIGHUP from there; SIGTERM never comes from a terminal.
 */
export function forwardSignals(child) {
  const onTerminal = [process.stdin, process.stdout, process.stderr].some((each) => each.isTTY);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    const hasIt = onTerminal && signal !== 'SIGTERM';
    process.on(signal, () => hasIt || child.kill(signal));
  }
}
