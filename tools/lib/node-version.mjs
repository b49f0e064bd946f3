// Everything that a tool imports statically is parsed before this runs, so all of tools/ keeps to
// syntax that Node 14 reads, and takes newer functions of fs from its default export: an old Node
// then gets one sentence instead of a SyntaxError.
const oldest = [20, 19];

/** True when this Node can run Orrery; else says what to do. */
export function nodeIsNewEnough(version, say) {
  const [major, minor] = version.split('.').map(Number);
  if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return true;
  say(
    `Orrery needs Node >= ${oldest.join('.')}; this is ${version}. ` +
      'Install a newer Node from nodejs.org.',
  );
  return false;
}
