// Virtual time and what is to happen in it: the twin of clock.py.
#ifndef RENODE_MNIST_CLOCK_H
#define RENODE_MNIST_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PICOSECONDS INT64_C(1000000000000)

typedef struct Clock Clock;

// `of` is whose event it is, `argument` what it was asked for with; false where it raised an error.
typedef bool (*Action)(void* of, uint64_t argument);

typedef struct {
  int64_t time_ps;
  uint64_t asked;  // also its name; those of one moment happen in this order
  Action action;   // NULL: cancelled
  void* of;
  uint64_t argument;
} Event;

struct Clock {
  uint64_t (*cycles_now)(void* of);
  void (*on_earlier)(void* of);  // an event came before all others
  void (*drop)(Event* event);    // an event will not happen: what it holds can go
  void* of;
  uint64_t hertz;
  uint64_t since_cycles;
  int64_t since_ps;
  Event* queue;  // by time, the first is next; cancelled ones stay until they are the first
  size_t count, room;
  uint64_t asked;
  uint64_t happened;  // events, and times that all were forgotten: what this leaves alone has not changed
};

int64_t clock_now_ps(const Clock* clock);
void clock_set_hertz(Clock* clock, uint64_t hertz);
// The core's cycle count at the first cycle not before `time_ps`, if it does not sleep until then.
uint64_t clock_cycles_at(const Clock* clock, int64_t time_ps);
void clock_sleep_until(Clock* clock, int64_t time_ps);

// Its name, which is never 0.
uint64_t clock_at(Clock* clock, int64_t time_ps, Action action, void* of, uint64_t argument);
uint64_t clock_after(Clock* clock, int64_t delay_ps, Action action, void* of, uint64_t argument);
// Puts in an event with a name of its own, which was saved: those of one moment come by their names.
void clock_put(Clock* clock, Event event);
// Without effect on one that has happened, and on 0.
void clock_cancel(Clock* clock, uint64_t name);
bool clock_is_due(const Clock* clock, uint64_t name);
// When the next event is due; INT64_MAX if none is.
int64_t clock_next_ps(Clock* clock);
// Runs what is due by now; false where that raised an error.
bool clock_run_due(Clock* clock);
// Forgets all events.
void clock_clear(Clock* clock);

#endif
