/* Where the compiler puts functions. What every request runs is fetched anew after each system
 * call, as the kernel's code takes its place in the processor's caches meanwhile; so it counts over
 * how many cache lines and pages it is spread. */
#pragma once

/* Of use to few requests, or slow anyway: kept away from what all run, and not made a part of its
 * callers, in which what leads to it is put behind the rest. */
#define COLD __attribute__((cold, noinline))

/* Of use to many, not to all: not made a part of its callers either. */
#define APART __attribute__((noinline))

/* Run by every request: these stand together, on a quarter of the pages that they take where their
 * rooms put them. */
#define HOT __attribute__((hot))

/* All that it calls is made a part of it, but what is COLD or APART: so what most requests run in
 * one go is one stretch of code, from room to room, without what calls cost. */
#define FLAT __attribute__((flatten))
