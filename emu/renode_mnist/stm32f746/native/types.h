// The types of the module `renode_mnist.stm32f746._blockhook`.
#ifndef RENODE_MNIST_TYPES_H
#define RENODE_MNIST_TYPES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "counter.h"

typedef struct {
  PyObject_HEAD BlockCounter counter;
  PyObject* timing;    // callable or NULL
  PyObject* accesses;  // likewise
  PyObject *error_type, *error_value, *error_trace;
} CounterObject;

extern PyTypeObject CounterType;  // BlockCounter
extern PyTypeObject ChipType;     // Chip

#endif
