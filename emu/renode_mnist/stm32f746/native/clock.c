#include "clock.h"

#include <stdlib.h>
#include <string.h>

#include "wide.h"

int64_t clock_now_ps(const Clock* self) {
  const int64_t cycles = (int64_t)(self->cycles_now(self->of) - self->since_cycles);
  const uint64_t passed_ps =
      wide_scaled((uint64_t)(cycles < 0 ? -cycles : cycles), PICOSECONDS, self->hertz, false);
  return cycles < 0 ? self->since_ps - (int64_t)passed_ps : self->since_ps + (int64_t)passed_ps;
}

void clock_set_hertz(Clock* self, uint64_t hertz) {
  self->since_ps = clock_now_ps(self);
  self->since_cycles = self->cycles_now(self->of);
  self->hertz = hertz;
}

uint64_t clock_cycles_at(const Clock* self, int64_t time_ps) {
  const int64_t ahead_ps = time_ps - self->since_ps;
  if (ahead_ps > 0) return self->since_cycles + wide_scaled((uint64_t)ahead_ps, self->hertz, PICOSECONDS, true);
  const uint64_t before = wide_scaled((uint64_t)-ahead_ps, self->hertz, PICOSECONDS, false);
  return before < self->since_cycles ? self->since_cycles - before : 0;
}

void clock_sleep_until(Clock* self, int64_t time_ps) {
  const int64_t now_ps = clock_now_ps(self);
  if (time_ps > now_ps) self->since_ps += time_ps - now_ps;
}

void clock_put(Clock* self, Event event) {
  if (self->count == self->room) {
    self->room = self->room ? 2 * self->room : 16;
    self->queue = realloc(self->queue, self->room * sizeof *self->queue);
    if (!self->queue) abort();
  }
  size_t at = self->count++;
  for (; at; --at) {
    const Event* before = &self->queue[at - 1];
    if (before->time_ps < event.time_ps || (before->time_ps == event.time_ps && before->asked < event.asked)) break;
    self->queue[at] = *before;
  }
  self->queue[at] = event;
}

uint64_t clock_at(Clock* self, int64_t time_ps, Action action, void* of, uint64_t argument) {
  const bool earlier = !self->count || time_ps < self->queue[0].time_ps;
  const uint64_t name = ++self->asked;
  clock_put(self, (Event){time_ps, name, action, of, argument});
  if (earlier) self->on_earlier(self->of);
  return name;
}

uint64_t clock_after(Clock* self, int64_t delay_ps, Action action, void* of, uint64_t argument) {
  return clock_at(self, clock_now_ps(self) + delay_ps, action, of, argument);
}

static Event* find(const Clock* self, uint64_t name) {
  for (size_t i = 0; i < self->count; ++i)
    if (self->queue[i].asked == name) return self->queue[i].action ? &self->queue[i] : NULL;
  return NULL;
}

void clock_cancel(Clock* self, uint64_t name) {
  Event* event = name ? find(self, name) : NULL;
  if (!event) return;
  Event dropped = *event;
  event->action = NULL;
  self->drop(&dropped);
}

bool clock_is_due(const Clock* self, uint64_t name) { return find(self, name) != NULL; }

static void pop(Clock* self) { memmove(self->queue, self->queue + 1, --self->count * sizeof *self->queue); }

int64_t clock_next_ps(Clock* self) {
  while (self->count && !self->queue[0].action) pop(self);
  return self->count ? self->queue[0].time_ps : INT64_MAX;
}

bool clock_run_due(Clock* self) {
  int64_t due_ps;
  while ((due_ps = clock_next_ps(self)) != INT64_MAX && due_ps <= clock_now_ps(self)) {
    Event event = self->queue[0];
    pop(self);
    ++self->happened;
    const bool well = event.action(event.of, event.argument);
    self->drop(&event);
    if (!well) return false;
  }
  return true;
}

void clock_clear(Clock* self) {
  ++self->happened;
  while (self->count) {
    Event dropped = self->queue[--self->count];
    if (dropped.action) self->drop(&dropped);
  }
}
