// The counter as a Python type: `BlockCounter` of the module `renode_mnist.stm32f746._blockhook`.
//
// Its attributes are those of the protocol in blockcounter.py. Unicorn's handle and functions come in as integers.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <structmember.h>

#include "counter.h"

typedef struct {
  PyObject_HEAD BlockCounter counter;
  PyObject* timing;  // callable or NULL
  PyObject *error_type, *error_value, *error_trace;
} CounterObject;

static void keep_error(CounterObject* self) {
  if (self->error_type) {
    PyErr_Clear();
    return;
  }
  PyErr_Fetch(&self->error_type, &self->error_value, &self->error_trace);
}

// TimingFunction of a callable, with the interpreter's lock taken for it.
static uint64_t ask_timing(void* object, Block* from, const Block* to) {
  CounterObject* self = object;
  unsigned long long cycles = to->instructions;
  PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer =
      PyObject_CallFunction(self->timing, "kkkk", (unsigned long)from->address, (unsigned long)from->size,
                            (unsigned long)to->address, (unsigned long)to->size);
  if (answer) {
    unsigned long long asked;
    unsigned int misprediction_cycles;
    if (PyArg_ParseTuple(answer, "KI;a clock model answers (cycles, misprediction cycles)", &asked,
                         &misprediction_cycles)) {
      cycles = asked;
      from->misprediction_cycles = misprediction_cycles;
    }
    Py_DECREF(answer);
  }
  if (PyErr_Occurred()) keep_error(self);
  PyGILState_Release(lock);
  return cycles;
}

static int counter_init(CounterObject* self, PyObject* args, PyObject* keywords) {
  static char* names[] = {"engine", "stop", "read_register", "read_memory", "mask_registers", "timing", NULL};
  unsigned long long engine, stop_at, read_register, read_memory;
  PyObject* timing;
  int* masks = self->counter.mask_registers;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "KKKK(iii)O", names, &engine, &stop_at, &read_register,
                                   &read_memory, &masks[0], &masks[1], &masks[2], &timing))
    return -1;
  BlockCounter* counter = &self->counter;
  counter->engine = (void*)(uintptr_t)engine;
  counter->stop = (StopFunction)(uintptr_t)stop_at;
  counter->read_register = (RegisterFunction)(uintptr_t)read_register;
  counter->read_memory = (MemoryFunction)(uintptr_t)read_memory;
  if (timing != Py_None) {
    Py_INCREF(timing);
    self->timing = timing;
    counter->timing = ask_timing;
    counter->timing_model = self;
  }
  block_counter_init(counter);
  return 0;
}

static int counter_traverse(CounterObject* self, visitproc visit, void* arg) {
  Py_VISIT(self->timing);
  Py_VISIT(self->error_value);
  return 0;
}

static int counter_clear(CounterObject* self) {
  Py_CLEAR(self->timing);
  Py_CLEAR(self->error_type);
  Py_CLEAR(self->error_value);
  Py_CLEAR(self->error_trace);
  return 0;
}

static void counter_dealloc(CounterObject* self) {
  PyObject_GC_UnTrack(self);
  block_counter_free(&self->counter);
  counter_clear(self);
  Py_TYPE(self)->tp_free((PyObject*)self);
}

static PyObject* begin(CounterObject* self, PyObject* limit) {
  unsigned long long value = PyLong_AsUnsignedLongLong(limit);
  if (PyErr_Occurred()) return NULL;
  block_counter_begin(&self->counter, value);
  Py_RETURN_NONE;
}

static PyObject* request_stop(CounterObject* self, PyObject* unused) {
  (void)unused;
  self->counter.limit_cycles = 0;
  Py_RETURN_NONE;
}

static PyObject* watch_masks(CounterObject* self, PyObject* args) {
  unsigned int masks[kMaskRegisters];
  if (!PyArg_ParseTuple(args, "III", &masks[0], &masks[1], &masks[2])) return NULL;
  block_counter_watch_masks(&self->counter, masks);
  Py_RETURN_NONE;
}

static PyObject* unwatch_masks(CounterObject* self, PyObject* unused) {
  (void)unused;
  self->counter.watching = 0;
  Py_RETURN_NONE;
}

static PyObject* forget_previous(CounterObject* self, PyObject* unused) {
  (void)unused;
  block_counter_forget_previous(&self->counter);
  Py_RETURN_NONE;
}

static PyObject* current(CounterObject* self, PyObject* unused) {
  (void)unused;
  const BlockCounter* counter = &self->counter;
  if (!counter->last) return Py_BuildValue("(kkkK)", 0UL, 0UL, 0UL, 0ULL);
  const Block* block = counter->current;
  return Py_BuildValue("(kkkK)", (unsigned long)block->address, (unsigned long)block->size,
                       (unsigned long)block->instructions, (unsigned long long)counter->last->cycles);
}

static PyObject* cut_short(CounterObject* self, PyObject* args) {
  unsigned int size, instructions;
  if (!PyArg_ParseTuple(args, "II", &size, &instructions)) return NULL;
  block_counter_cut_short(&self->counter, size, instructions);
  Py_RETURN_NONE;
}

static PyObject* clear_counts(CounterObject* self, PyObject* unused) {
  (void)unused;
  block_counter_clear_counts(&self->counter);
  Py_RETURN_NONE;
}

static PyObject* set_breakpoints(CounterObject* self, PyObject* addresses) {
  PyObject* items = PySequence_Fast(addresses, "a sequence of addresses");
  if (!items) return NULL;
  Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  uint32_t* wanted = calloc(count ? (size_t)count : 1, sizeof *wanted);
  for (Py_ssize_t i = 0; wanted && i < count; ++i)
    wanted[i] = (uint32_t)PyLong_AsUnsignedLong(PySequence_Fast_GET_ITEM(items, i));
  Py_DECREF(items);
  if (!wanted) return PyErr_NoMemory();
  if (PyErr_Occurred()) {
    free(wanted);
    return NULL;
  }
  block_counter_set_breakpoints(&self->counter, wanted, (size_t)count);
  Py_RETURN_NONE;
}

// Rows as in EdgeCount of blockcounter.py.
static PyObject* edges(CounterObject* self, PyObject* unused) {
  (void)unused;
  PyObject* list = PyList_New(0);
  if (!list) return NULL;
  const BlockGraph* graph = &self->counter.graph;
  for (const Block* block = &graph->start; block; block = block_graph_next(graph, block))
    for (const Edge* edge = block->edges; edge; edge = edge->next) {
      if (!edge->entered) continue;
      PyObject* row =
          block == &graph->start
              ? Py_BuildValue("(OkkkkKKKI)", Py_None, 0UL, (unsigned long)edge->address, (unsigned long)edge->size,
                              (unsigned long)edge->to->instructions, (unsigned long long)edge->cycles,
                              (unsigned long long)edge->entered, 0ULL, 0U)
              : Py_BuildValue("(kkkkkKKKI)", (unsigned long)block->address, (unsigned long)block->size,
                              (unsigned long)edge->address, (unsigned long)edge->size,
                              (unsigned long)edge->to->instructions, (unsigned long long)edge->cycles,
                              (unsigned long long)edge->entered, (unsigned long long)edge->mispredicted,
                              block->misprediction_cycles);
      if (!row || PyList_Append(list, row) < 0) {
        Py_XDECREF(row);
        Py_DECREF(list);
        return NULL;
      }
      Py_DECREF(row);
    }
  return list;
}

static PyObject* raise_pending(CounterObject* self, PyObject* unused) {
  (void)unused;
  if (self->error_type) {
    PyErr_Restore(self->error_type, self->error_value, self->error_trace);
    self->error_type = self->error_value = self->error_trace = NULL;
    return NULL;
  }
  Py_RETURN_NONE;
}

static PyObject* get_hook(CounterObject* self, void* unused) {
  (void)self;
  (void)unused;
  return PyLong_FromVoidPtr((void*)(uintptr_t)block_counter_hook);
}

static PyObject* get_user_data(CounterObject* self, void* unused) {
  (void)unused;
  return PyLong_FromVoidPtr(&self->counter);
}

static PyMethodDef methods[] = {
    {"begin", (PyCFunction)begin, METH_O, "Before emulation goes on: stop at the block that starts at this count."},
    {"request_stop", (PyCFunction)request_stop, METH_NOARGS, "Stops before the next block."},
    {"watch_masks", (PyCFunction)watch_masks, METH_VARARGS, "Stops when PRIMASK, BASEPRI, FAULTMASK change."},
    {"unwatch_masks", (PyCFunction)unwatch_masks, METH_NOARGS, "Ends watch_masks()."},
    {"forget_previous", (PyCFunction)forget_previous, METH_NOARGS, "The next block follows no block."},
    {"current", (PyCFunction)current, METH_NOARGS, "(address, size, instructions, cycles) of the block under way."},
    {"cut_short", (PyCFunction)cut_short, METH_VARARGS, "The block under way ended after (bytes, instructions)."},
    {"clear_counts", (PyCFunction)clear_counts, METH_NOARGS, "Counts from zero; cycles go on."},
    {"set_breakpoints", (PyCFunction)set_breakpoints, METH_O, "Stops before blocks that start at these addresses."},
    {"edges", (PyCFunction)edges, METH_NOARGS, "Rows as in EdgeCount."},
    {"raise_pending", (PyCFunction)raise_pending, METH_NOARGS, "Raises what the timing model raised."},
    {NULL, NULL, 0, NULL},
};

static PyMemberDef members[] = {
    {"instructions", T_ULONGLONG, offsetof(CounterObject, counter.instructions), READONLY,
     "To the end of the block under way."},
    {"cycles", T_ULONGLONG, offsetof(CounterObject, counter.cycles), READONLY, "The same by the clock model."},
    {"stopped", T_BOOL, offsetof(CounterObject, counter.stopped), READONLY, "Whether this hook ended the run."},
    {"at_breakpoint", T_BOOL, offsetof(CounterObject, counter.at_breakpoint), READONLY,
     "Whether a breakpoint did."},
    {NULL, 0, 0, 0, NULL},
};

static PyGetSetDef properties[] = {
    {"hook", (getter)get_hook, NULL, "Address of the UC_HOOK_BLOCK callback.", NULL},
    {"user_data", (getter)get_user_data, NULL, "Its user_data.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject CounterType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "renode_mnist.stm32f746._blockhook.BlockCounter",
    .tp_doc = "Counts translated blocks in C.",
    .tp_basicsize = sizeof(CounterObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)counter_init,
    .tp_dealloc = (destructor)counter_dealloc,
    .tp_traverse = (traverseproc)counter_traverse,
    .tp_clear = (inquiry)counter_clear,
    .tp_methods = methods,
    .tp_members = members,
    .tp_getset = properties,
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_blockhook", .m_doc = "The block hook in C.",
                                    .m_size = -1};

PyMODINIT_FUNC PyInit__blockhook(void) {
  if (PyType_Ready(&CounterType) < 0) return NULL;
  PyObject* created = PyModule_Create(&module);
  if (!created) return NULL;
  Py_INCREF(&CounterType);
  if (PyModule_AddObject(created, "BlockCounter", (PyObject*)&CounterType) < 0) {
    Py_DECREF(&CounterType);
    Py_DECREF(created);
    return NULL;
  }
  return created;
}
