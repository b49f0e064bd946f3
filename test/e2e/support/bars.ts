/**
 * What is promised holds on a machine that does nothing else. Where tests run others may work as
 * well, and machines differ: the simulator does the same work in 1.75 times the time on one that
 * we have met. A bar that is a time or a share of a core is failed beyond so many times of it.
 */
export const BUSY_MACHINE = 2;
