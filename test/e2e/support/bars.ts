/**
 * What is promised holds on a machine that does nothing else. Where tests run others may work as
 * well: a bar that is a time or a share of a core is failed beyond so many times of it.
 */
export const BUSY_MACHINE = 1.5;
