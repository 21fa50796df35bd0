// `Chip` of the module `renode_mnist.stm32f746._blockhook`: what chip.py makes models of.
#include "chip_type.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

// Rows of numbers into `places`, `columns` a row; how many rows, or -1 with an error set.
static int read_rows(PyObject* rows, unsigned long long* places, int most, int columns) {
  PyObject* items = PySequence_Fast(rows, "a sequence of tuples of numbers");
  if (!items) return -1;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  if (count > most) PyErr_Format(PyExc_ValueError, "more than %d rows", most);
  for (Py_ssize_t i = 0; i < count && !PyErr_Occurred(); ++i)
    for (int j = 0; j < columns && !PyErr_Occurred(); ++j) {
      PyObject* number = PySequence_GetItem(PySequence_Fast_GET_ITEM(items, i), j);
      if (number) places[i * columns + j] = PyLong_AsUnsignedLongLong(number);
      Py_XDECREF(number);
    }
  Py_DECREF(items);
  return PyErr_Occurred() ? -1 : (int)count;
}

static int chip_type_init(ChipObject* self, PyObject* args, PyObject* keywords) {
  static char* names[] = {"counter", "engine", "functions", "registers", "hertz",     "windows",
                          "usarts",  "rams",   "dmas",      "requests",  "callables", NULL};
  unsigned long long engine, hertz, functions[4], registers[kRegisterCount], windows[kWindows], usarts[2 * kUsarts],
      rams[3 * kMostRams], dmas[kDmas * (1 + kDmaStreams)], requests[4 * kMostConnections];
  PyObject *counter, *rows[7], *callables;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O!KOOKOOOOOO", names, &CounterType, &counter, &engine, &rows[0],
                                   &rows[1], &hertz, &rows[2], &rows[3], &rows[4], &rows[5], &rows[6], &callables))
    return -1;
  Chip* chip = &self->chip;
  const bool complete = read_rows(rows[0], functions, 4, 1) == 4 &&
                        read_rows(rows[1], registers, kRegisterCount, 1) == kRegisterCount &&
                        read_rows(rows[2], windows, kWindows, 1) == kWindows &&
                        read_rows(rows[3], usarts, kUsarts, 2) == kUsarts &&
                        (chip->ram_count = read_rows(rows[4], rams, kMostRams, 3)) > 0 &&
                        read_rows(rows[5], dmas, kDmas, 1 + kDmaStreams) == kDmas;
  const int request_count = complete ? read_rows(rows[6], requests, kMostConnections, 4) : -1;
  if (request_count < 0 || !PyTuple_Check(callables) || PyTuple_GET_SIZE(callables) != kCallables) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "not as many as there have to be");
    return -1;
  }
  Py_INCREF(counter);
  self->counter = (CounterObject*)counter;
  for (int i = 0; i < kCallables; ++i) {
    self->callables[i] = PyTuple_GET_ITEM(callables, i);
    Py_INCREF(self->callables[i]);
  }
  chip->counter = &self->counter->counter;
  chip->engine.handle = (void*)(uintptr_t)engine;
  chip->engine.start = (int (*)(void*, uint64_t, uint64_t, uint64_t, size_t))(uintptr_t)functions[0];
  chip->engine.stop = (int (*)(void*))(uintptr_t)functions[1];
  chip->engine.read = (int (*)(void*, const int*, void**, int))(uintptr_t)functions[2];
  chip->engine.write = (int (*)(void*, const int*, void**, int))(uintptr_t)functions[3];
  for (int i = 0; i < kRegisterCount; ++i) chip->engine.ids[i] = (int)registers[i];
  for (int i = 0; i < kWindows; ++i) chip->windows[i] = (Window){chip, (uint32_t)windows[i]};
  for (int i = 0; i < chip->ram_count; ++i)
    chip->ram[i] = (Ram){(uint32_t)rams[3 * i], (uint32_t)rams[3 * i + 1], (uint8_t*)(uintptr_t)rams[3 * i + 2]};
  for (int i = 0; i < kUsarts; ++i) {
    chip->usart_bases[i] = (uint32_t)usarts[2 * i];
    chip->usarts[i].interrupt = (int)usarts[2 * i + 1];
  }
  for (int i = 0; i < kDmas; ++i) {
    const unsigned long long* row = &dmas[i * (1 + kDmaStreams)];
    chip->dma_bases[i] = (uint32_t)row[0];
    for (int stream = 0; stream < kDmaStreams; ++stream)
      chip->dmas[i].interrupts[stream] = (int16_t)row[1 + stream];
  }
  chip_connect(self);
  chip_init(chip, hertz);
  for (int i = 0; i < request_count; ++i) {
    const unsigned long long* row = &requests[4 * i];
    if (chip_connect_request(chip, row[0], row[1], row[2], row[3])) continue;
    PyErr_SetString(PyExc_ValueError, "there is no such request");
    return -1;
  }
  return 0;
}

static int chip_traverse(ChipObject* self, visitproc visit, void* arg) {
  Py_VISIT(self->counter);
  for (int i = 0; i < kCallables; ++i) Py_VISIT(self->callables[i]);
  for (int i = 0; i < kUsarts; ++i) Py_VISIT(self->transmitted[i]);
  for (size_t i = 0; i < self->chip.clock.count; ++i) Py_VISIT(chip_callable(&self->chip.clock.queue[i]));
  Py_VISIT(self->error_value);
  return 0;
}

static int chip_clear(ChipObject* self) {
  clock_clear(&self->chip.clock);
  Py_CLEAR(self->counter);
  for (int i = 0; i < kCallables; ++i) Py_CLEAR(self->callables[i]);
  for (int i = 0; i < kUsarts; ++i) Py_CLEAR(self->transmitted[i]);
  Py_CLEAR(self->error_type);
  Py_CLEAR(self->error_value);
  Py_CLEAR(self->error_trace);
  return 0;
}

static void chip_dealloc(ChipObject* self) {
  PyObject_GC_UnTrack(self);
  chip_clear(self);
  chip_free(&self->chip);
  Py_TYPE(self)->tp_free((PyObject*)self);
}

// For Unicorn

static PyObject* hooks(ChipObject* self, PyObject* unused) {
  (void)unused;
  return Py_BuildValue("(NNNNN)", PyLong_FromVoidPtr((void*)(uintptr_t)chip_interrupt_hook),
                       PyLong_FromVoidPtr((void*)(uintptr_t)bus_invalid_hook), PyLong_FromVoidPtr(&self->chip),
                       PyLong_FromVoidPtr((void*)(uintptr_t)bus_read_hook),
                       PyLong_FromVoidPtr((void*)(uintptr_t)bus_write_hook));
}

static PyObject* window(ChipObject* self, PyObject* number) {
  const long index = PyLong_AsLong(number);
  if (index < 0 || index >= kWindows) return PyErr_Format(PyExc_IndexError, "there is no window %ld", index);
  return PyLong_FromVoidPtr(&self->chip.windows[index]);
}

// Running

static PyObject* run(ChipObject* self, PyObject* args) {
  PyObject *number, *condition;
  int64_t time_ps;
  int until;
  if (!PyArg_ParseTuple(args, "OOi", &number, &condition, &until) || !chip_moment(number, &time_ps)) return NULL;
  PyObject* before = self->condition;  // a run within a callback of a run
  self->condition = condition;
  self->until = until;
  const Ran ran = chip_run(&self->chip, time_ps, condition != Py_None);
  self->condition = before;
  if (ran == kFailed) return chip_raise_kept(self);
  return PyLong_FromLong(ran);
}

static PyObject* begin(ChipObject* self, PyObject* unused) {
  (void)unused;
  self->chip.stop_kind = kStopNone;
  self->chip.failed = false;
  self->chip.idle.found.goes_on = false;
  Py_RETURN_NONE;
}

// note_stop(): Python has seen why the run ends; whether that comes first.
static PyObject* note_stop(ChipObject* self, PyObject* unused) {
  (void)unused;
  if (self->chip.stop_kind != kStopNone) Py_RETURN_FALSE;
  self->chip.stop_kind = kStopInPython;
  Py_RETURN_TRUE;
}

// (kind, address, Unicorn's status); raises what was kept of an exception within the run.
static PyObject* stopped(ChipObject* self, PyObject* unused) {
  (void)unused;
  chip_mend(&self->chip);
  if (self->error_type) return chip_raise_kept(self);
  const Chip* chip = &self->chip;
  return Py_BuildValue("(iIi)", (int)chip->stop_kind, chip->stop_address, chip->status);
}

// (pc, whether the core is still in it, whether it polls, address, value) of the loop that was skipped last, or
// None.
static PyObject* loop(ChipObject* self, PyObject* unused) {
  (void)unused;
  const Loop* found = &self->chip.idle.found;
  if (!found->pc) Py_RETURN_NONE;
  const bool goes_on = found->goes_on && found->happened == self->chip.clock.happened;
  return Py_BuildValue("(INNII)", found->pc, PyBool_FromLong(goes_on), PyBool_FromLong(found->reads),
                       found->read_address, found->read_value);
}

static PyObject* read_counts(ChipObject* self, PyObject* args) {
  long long tick_ps, ticks;
  int falls;
  if (!PyArg_ParseTuple(args, "LLp", &tick_ps, &ticks, &falls)) return NULL;
  self->chip.read_moves = true;
  self->chip.read_counts = (Counts){tick_ps, ticks, falls};
  Py_RETURN_NONE;
}

static PyObject* forget_rights(ChipObject* self, PyObject* unused) {
  (void)unused;
  for (int i = 0; i < kAllowedSlots; ++i) self->chip.allowed[i].word = 0;
  Py_RETURN_NONE;
}

static PyObject* mark_pages(uint8_t** marks, PyObject* pages) {
  if (!*marks) *marks = calloc(kPages / 8, 1);
  if (!*marks) return PyErr_NoMemory();
  PyObject* items = PySequence_Fast(pages, "a sequence of pages");
  if (!items) return NULL;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items); ++i) {
    const unsigned long page = PyLong_AsUnsignedLongMask(PySequence_Fast_GET_ITEM(items, i)) % kPages;
    (*marks)[page / 8] |= (uint8_t)(1 << page % 8);
  }
  Py_DECREF(items);
  Py_RETURN_NONE;
}

static PyObject* set_steady_pages(ChipObject* self, PyObject* pages) {
  return mark_pages(&self->chip.pages, pages);
}

// These and no others.
static PyObject* set_peripheral_pages(ChipObject* self, PyObject* pages) {
  if (self->chip.peripherals) memset(self->chip.peripherals, 0, kPages / 8);
  return mark_pages(&self->chip.peripherals, pages);
}

// set_unmodelled((offset, mask) of each register of a USART)
static PyObject* set_unmodelled(ChipObject* self, PyObject* rows) {
  unsigned long long places[2 * kUsartRegisters];
  const int count = read_rows(rows, places, kUsartRegisters, 2);
  if (count < 0) return NULL;
  for (int i = 0; i < count; ++i)
    self->chip.usart_unmodelled[places[2 * i] / 4 % kUsartRegisters] = (uint32_t)places[2 * i + 1];
  Py_RETURN_NONE;
}

static PyObject* set_unwritable(ChipObject* self, PyObject* rows) {
  unsigned long long places[2 * kMostUnwritable];
  Chip* chip = &self->chip;
  if (PySequence_Size(rows) > kMostUnwritable) {
    chip->unwritable_count = -1;
    Py_RETURN_NONE;
  }
  const int count = read_rows(rows, places, kMostUnwritable, 2);
  if (count < 0) return NULL;
  for (int i = 0; i < 2 * count; ++i) chip->unwritable[i / 2][i % 2] = (uint32_t)places[i];
  chip->unwritable_count = count;
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"hooks", (PyCFunction)hooks, METH_NOARGS, "Addresses of (interrupts, invalid accesses, self, load, store)."},
    {"window", (PyCFunction)window, METH_O, "Address of what loads and stores in a window take."},
    {"run", (PyCFunction)run, METH_VARARGS, "(time in ps, condition or None, see Received.until) -> Ran."},
    {"begin", (PyCFunction)begin, METH_NOARGS, "A run begins that is not `run`."},
    {"note_stop", (PyCFunction)note_stop, METH_NOARGS,
     "The run ends for what Python knows; whether that is first."},
    {"stopped", (PyCFunction)stopped, METH_NOARGS, "(kind, address, status of Unicorn) of the last run."},
    {"loop", (PyCFunction)loop, METH_NOARGS, "(pc, goes on, polls, address, value) of the loop skipped last."},
    {"save", (PyCFunction)chip_type_save, METH_NOARGS, "(state, events, bytes on their way), for a snapshot."},
    {"restore", (PyCFunction)chip_type_restore, METH_VARARGS, "Takes on what `save` returned."},
    {"read_counts", (PyCFunction)read_counts, METH_VARARGS, "(tick in ps, ticks, falls): so counts what is read."},
    {"forget_rights", (PyCFunction)forget_rights, METH_NOARGS, "What may be accessed is to be asked anew."},
    {"set_steady_pages", (PyCFunction)set_steady_pages, METH_O, "Of which reading has no effect."},
    {"set_peripheral_pages", (PyCFunction)set_peripheral_pages, METH_O, "That DMA finds a peripheral in."},
    {"set_unmodelled", (PyCFunction)set_unmodelled, METH_O, "(offset, mask) of a USART's bits without effect."},
    {"set_unwritable", (PyCFunction)set_unwritable, METH_O, "(begin, end) of what the MPU forbids to write."},
    {NULL, NULL, 0, NULL},
};

#define FLAG(name) \
  { #name, T_BOOL, offsetof(ChipObject, chip.name), 0, NULL }

static PyMemberDef members[] = {
    FLAG(asleep),
    FLAG(waits_for_event),
    FLAG(sleep_deep),
    FLAG(deep),
    FLAG(event_register),
    FLAG(reset_requested),
    FLAG(hold_exceptions),
    FLAG(observed),
    FLAG(stale),
    FLAG(asks_each),
    FLAG(sleep_on_exit),
    FLAG(fpcar_set),
    FLAG(count_in_python),
    FLAG(read_moves),
    FLAG(counting),
    {"count", T_ULONGLONG, offsetof(ChipObject, chip.count), 0, "CYCCNT at `count_since`."},
    {"count_since", T_ULONGLONG, offsetof(ChipObject, chip.count_since), 0, "In cycles of the core."},
    {"active", T_BOOL, offsetof(ChipObject, chip.access_active), 0, "A bus access is under way."},
    {"pc", T_UINT, offsetof(ChipObject, chip.access_pc), 0, "Of the instruction that makes it."},
    {"vector_table", T_UINT, offsetof(ChipObject, chip.vector_table), 0, "VTOR."},
    {"fpcar", T_UINT, offsetof(ChipObject, chip.fpcar), 0, "FPCAR, once `fpcar_set`."},
    {"priority_group", T_UINT, offsetof(ChipObject, chip.nvic.priority_group), 0, "AIRCR.PRIGROUP."},
    {"hertz", T_ULONGLONG, offsetof(ChipObject, chip.clock.hertz), READONLY, "HCLK."},
    {NULL, 0, 0, 0, NULL},
};

PyTypeObject ChipType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "renode_mnist.stm32f746._blockhook.Chip",
    .tp_doc = "Time, exceptions, hot peripherals and the run loop of an STM32F746.",
    .tp_basicsize = sizeof(ChipObject),
    .tp_base = &ChipModelsType,
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)chip_type_init,
    .tp_dealloc = (destructor)chip_dealloc,
    .tp_traverse = (traverseproc)chip_traverse,
    .tp_clear = (inquiry)chip_clear,
    .tp_methods = methods,
    .tp_members = members,
};
