// The chip as a Python object.
#ifndef RENODE_MNIST_CHIP_TYPE_H
#define RENODE_MNIST_CHIP_TYPE_H

#include "chip.h"
#include "types.h"

// What it calls: see `Calls` of chip.py.
typedef enum { kReadBus, kWriteBus, kMayAccess, kLineTiming, kCrossing, kUnusual, kPins, kCallables } Callable;

enum { kMostConnections = 160 };  // of requests to DMA streams

typedef struct {
  PyObject_HEAD Chip chip;
  CounterObject* counter;
  PyObject* callables[kCallables];
  PyObject* transmitted[kUsarts];  // callables, NULL where nobody listens
  PyObject* condition;             // of the run under way, borrowed,
  int until;                       // and of a `Received` the byte that is waited for; -1: any
  PyObject *error_type, *error_value, *error_trace;
} ChipObject;

extern PyTypeObject ChipModelsType;  // the base of `Chip`, for its length: chip_models.c

// Fills in `chip.outside` and `chip.line`.
void chip_connect(ChipObject* self);

// An event that calls `callable`, and what gives that back.
uint64_t chip_schedule(ChipObject* self, int64_t time_ps, PyObject* callable);

// One with a name that it had before.
Event chip_foreign_event(ChipObject* self, int64_t time_ps, uint64_t asked, PyObject* callable);

// What an event calls, borrowed; NULL for one of the chip's own.
PyObject* chip_callable(const Event* event);

// chip_snapshot.c
PyObject* chip_type_save(ChipObject* self, PyObject* unused);
PyObject* chip_type_restore(ChipObject* self, PyObject* args);

// A moment in picoseconds; what is beyond the clock's range is its end. False with an error set.
bool chip_moment(PyObject* number, int64_t* time_ps);

// Raises what was kept of an exception within a callback; NULL.
PyObject* chip_raise_kept(ChipObject* self);

#endif
