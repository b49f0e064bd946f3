import { VirtualTimeScheduler } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { FRAME_MS, FrameClock, type Framed } from './frame-clock.js';

/** Within a frame. */
const EARLY_MS = FRAME_MS - 1;

class World {
  readonly scheduler = new VirtualTimeScheduler(undefined, 0);
  readonly clock = new FrameClock(this.scheduler);
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
});
