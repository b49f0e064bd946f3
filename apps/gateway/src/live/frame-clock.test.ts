import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { FRAME_MS, FrameClock, type Framed } from './frame-clock.js';

/** Within a frame. */
const EARLY_MS = FRAME_MS - 1;

class World {
  readonly scheduler = new VirtualTimeScheduler(undefined, 0);
  frameMs = FRAME_MS;
  readonly clock = new FrameClock(this.scheduler, () => this.frameMs);
  readonly flushed: string[] = [];

  framed(name: string): Framed {
    return { flush: () => this.flushed.push(`${name}@${this.scheduler.frame}`) };
  }

  advance(byMs: number): void {
    const end = this.scheduler.frame + byMs;
    this.scheduler.maxFrames = end;
    this.scheduler.flush();
    this.scheduler.frame = end;
  }
}

describe('the frame clock', () => {
  it('flushes at once after a silence, and then once a frame', () => {
    const world = new World();
    const one = world.framed('one');
    world.clock.touch(one);
    world.clock.touch(one);
    world.advance(EARLY_MS);
    world.clock.touch(one);
    expect(world.flushed).toEqual(['one@0']);
    world.advance(FRAME_MS);
    expect(world.flushed).toEqual(['one@0', `one@${FRAME_MS}`]);
    world.advance(FRAME_MS);
    world.clock.touch(one);
    expect(world.flushed).toHaveLength(3);
  });

  it('a quiet stream does not wait for a busy one', () => {
    const world = new World();
    const busy = world.framed('busy');
    world.clock.touch(busy);
    world.clock.touch(busy);
    world.advance(EARLY_MS);
    world.clock.touch(world.framed('quiet'));
    expect(world.flushed).toEqual(['busy@0', `quiet@${EARLY_MS}`]);
  });

  it('one timer for all, and none when all are quiet or gone', () => {
    const world = new World();
    const framed = ['a', 'b', 'c'].map((name) => world.framed(name));
    for (const each of framed) world.clock.touch(each);
    expect(world.scheduler.actions).toHaveLength(1);
    world.advance(FRAME_MS * 2);
    expect(world.clock.isTicking).toBe(false);
    expect(world.scheduler.actions).toEqual([]);
    for (const each of framed) world.clock.touch(each);
    for (const each of framed) world.clock.touch(each);
    for (const each of framed) world.clock.forget(each);
    expect(world.clock.isTicking).toBe(false);
    world.advance(FRAME_MS);
    expect(world.flushed).toHaveLength(6);
  });

  it('of many that are due together each step flushes its share, and each keeps its place', () => {
    const world = new World();
    world.frameMs = 80;
    const all = Array.from({ length: 16 }, (_, i) => world.framed(String(i)));
    const touchAll = (): void => {
      for (const each of all) world.clock.touch(each);
    };
    touchAll();
    expect(world.flushed).toHaveLength(16);
    const frames: string[][] = [];
    for (let frame = 0; frame < 4; frame++) {
      world.flushed.length = 0;
      for (let step = 0; step < 8; step++) {
        touchAll();
        world.advance(10);
      }
      frames.push(world.flushed.map((flushed) => flushed.replace('@', ' at ')));
    }
    // In the second frame, and ever since: two in each step, and the same two.
    const steps = (frame: readonly string[]): number[] =>
      frame.map((flushed) => (Number(flushed.split(' at ')[1]) / 10) % 8).sort((a, b) => a - b);
    expect(steps(frames[2] ?? [])).toEqual(Array.from({ length: 16 }, (_, i) => i >> 1));
    const names = (frame: readonly string[]): string[] => frame.map((f) => f.split(' ')[0] ?? '');
    expect(names(frames[3] ?? [])).toEqual(names(frames[2] ?? []));
  });

  it('a clock that is set back holds nobody', () => {
    const world = new World();
    world.scheduler.frame = 1_000_000;
    const one = world.framed('one');
    world.clock.touch(one);
    world.clock.touch(one);
    Object.assign(world.scheduler, { now: () => 0 });
    world.advance(FRAME_MS);
    expect(world.flushed).toHaveLength(2);
  });
});
