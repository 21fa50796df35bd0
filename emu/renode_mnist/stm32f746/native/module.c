// The counter as a Python type: `BlockCounter` of the module `renode_mnist.stm32f746._blockhook`.
//
// Its attributes are those of the protocol in blockcounter.py. Unicorn's handle and functions come in as integers.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "chip_type.h"
#include "counter_state.h"
#include "pages.h"

static void keep_error(CounterObject* self) {
  if (self->error_type) {
    PyErr_Clear();
    return;
  }
  PyErr_Fetch(&self->error_type, &self->error_value, &self->error_trace);
}

// TimingFunction of a callable, with the interpreter's lock taken for it.
static PairCost ask_timing(void* object, Block* from, const Block* to) {
  CounterObject* self = object;
  PairCost cost = {to->instructions, 0};
  PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer =
      PyObject_CallFunction(self->timing, "kkkk", (unsigned long)from->address, (unsigned long)from->size,
                            (unsigned long)to->address, (unsigned long)to->size);
  if (answer) {
    unsigned long long cycles, dependency_cycles = 0;
    unsigned int misprediction_cycles;
    if (PyArg_ParseTuple(
            answer, "KI|K;a clock model answers (cycles, misprediction cycles, of the first waits for operands)",
            &cycles, &misprediction_cycles, &dependency_cycles)) {
      cost.cycles = cycles;
      cost.dependency_cycles = dependency_cycles;
      from->misprediction_cycles = misprediction_cycles;
    }
    Py_DECREF(answer);
  }
  if (PyErr_Occurred()) keep_error(self);
  PyGILState_Release(lock);
  return cost;
}

// AccessesFunction of a callable.
static AccessProgram* ask_accesses(void* object, const Block* block) {
  CounterObject* self = object;
  AccessProgram* program = NULL;
  PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer =
      PyObject_CallFunction(self->accesses, "kk", (unsigned long)block->address, (unsigned long)block->size);
  char* packed;
  Py_ssize_t bytes;
  if (answer && PyBytes_AsStringAndSize(answer, &packed, &bytes) == 0)
    program = access_program((const uint8_t*)packed, (size_t)bytes);
  Py_XDECREF(answer);
  if (PyErr_Occurred()) keep_error(self);
  PyGILState_Release(lock);
  return program;
}

// Rows of (begin, end, address in this process) into `guest`; false with an error set.
static bool read_guest_memories(BlockCounter* counter, PyObject* rows) {
  PyObject* items = PySequence_Fast(rows, "a sequence of (begin, end, host address)");
  if (!items) return false;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  bool read = count <= kMostMemories;
  if (!read) PyErr_Format(PyExc_ValueError, "more than %d memories", kMostMemories);
  for (Py_ssize_t i = 0; read && i < count; ++i) {
    unsigned int begin, end;
    unsigned long long host;
    read = PyArg_ParseTuple(PySequence_Fast_GET_ITEM(items, i), "IIK", &begin, &end, &host);
    if (read) counter->guest[i] = (GuestMemory){begin, end, (const uint8_t*)(uintptr_t)host};
  }
  counter->guest_count = read ? (size_t)count : 0;
  Py_DECREF(items);
  return read;
}

static int counter_init(CounterObject* self, PyObject* args, PyObject* keywords) {
  static char* names[] = {
      "engine", "stop",     "read_register", "read_memory", "mask_registers", "core_registers", "flags_register",
      "timing", "accesses", "memories",      NULL};
  unsigned long long engine, stop_at, read_register, read_memory;
  PyObject *timing, *accesses, *memories;
  int* masks = self->counter.mask_registers;
  int* core = self->counter.core_registers;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "KKKK(iii)(iiiiiiiiiiiiiii)iOOO", names, &engine, &stop_at,
                                   &read_register, &read_memory, &masks[0], &masks[1], &masks[2], &core[0],
                                   &core[1], &core[2], &core[3], &core[4], &core[5], &core[6], &core[7], &core[8],
                                   &core[9], &core[10], &core[11], &core[12], &core[13], &core[14],
                                   &self->counter.flags_register, &timing, &accesses, &memories))
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
  }
  if (accesses != Py_None) {
    Py_INCREF(accesses);
    self->accesses = accesses;
    counter->accesses = ask_accesses;
  }
  counter->timing_model = self;
  if (!read_guest_memories(counter, memories)) return -1;
  block_counter_init(counter);
  return 0;
}

static int counter_traverse(CounterObject* self, visitproc visit, void* arg) {
  Py_VISIT(self->timing);
  Py_VISIT(self->accesses);
  Py_VISIT(self->error_value);
  return 0;
}

static int counter_clear(CounterObject* self) {
  Py_CLEAR(self->timing);
  Py_CLEAR(self->accesses);
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
                       (unsigned long)block->instructions,
                       (unsigned long long)(counter->last->cycles + counter->waited));
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

// What memory costs from here on: MemoryCosts of blockcounter.py.
static PyObject* set_memory(CounterObject* self, PyObject* args) {
  Memory* memory = &self->counter.memory;
  MemoryTiming timing = memory->timing;
  PyObject* rows;
  int instruction_cache, data_cache, art, art_prefetch;
  if (!PyArg_ParseTuple(args, "(IIII)(IIII)IIIppppO", &timing.first[0], &timing.first[1], &timing.first[2],
                        &timing.first[3], &timing.rest[0], &timing.rest[1], &timing.rest[2], &timing.rest[3],
                        &timing.flash_access, &timing.fetch_beat, &timing.unaligned, &instruction_cache,
                        &data_cache, &art, &art_prefetch, &rows))
    return NULL;
  timing.instruction_cache = instruction_cache;
  timing.data_cache = data_cache;
  timing.art = art;
  timing.art_prefetch = art_prefetch;
  PyObject* items = PySequence_Fast(rows, "a sequence of (begin, end, bus, cacheable, write-back)");
  if (!items) return NULL;
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(items);
  bool read = count <= kMostRegions;
  if (!read) PyErr_Format(PyExc_ValueError, "more than %d regions", kMostRegions);
  memory->region_count = 0;
  for (Py_ssize_t i = 0; read && i < count; ++i) {
    unsigned int begin, end, bus;
    int cacheable, write_back;
    read =
        PyArg_ParseTuple(PySequence_Fast_GET_ITEM(items, i), "IIIpp", &begin, &end, &bus, &cacheable, &write_back);
    if (read && bus >= kBusCount) {
      PyErr_Format(PyExc_ValueError, "there is no bus %u", bus);
      read = false;
    }
    if (read) memory->regions[memory->region_count++] = (Region){begin, end, (uint8_t)bus, cacheable, write_back};
  }
  Py_DECREF(items);
  memory_regions_changed(memory);
  if (!read) return NULL;
  memory->timing = timing;
  memory_invalidate(memory, !timing.instruction_cache && !timing.art,
                    !timing.data_cache);  // what is off holds nothing
  Py_RETURN_NONE;
}

static PyObject* invalidate(CounterObject* self, PyObject* args) {
  int instructions, data;
  if (!PyArg_ParseTuple(args, "pp", &instructions, &data)) return NULL;
  memory_invalidate(&self->counter.memory, instructions, data);
  Py_RETURN_NONE;
}

// A row as in CycleSplit of blockcounter.py.
static PyObject* split(CounterObject* self, PyObject* unused) {
  (void)unused;
  const BlockCounter* counter = &self->counter;
  const MemoryCounts* memory = &counter->memory.counts;
  return Py_BuildValue(
      "(KKKKKKKKKKKKKK)", counter->cycles, (unsigned long long)counter->dependency_cycles,
      (unsigned long long)counter->misprediction_cycles, (unsigned long long)memory->fetch_cycles,
      (unsigned long long)memory->data_cycles, (unsigned long long)memory->accesses[0],
      (unsigned long long)memory->accesses[1], (unsigned long long)memory->unresolved,
      (unsigned long long)memory->fetch_misses, (unsigned long long)memory->load_misses[kFlashOverAxi],
      (unsigned long long)memory->load_misses[kSramOverAxi], (unsigned long long)memory->store_misses[kSramOverAxi],
      (unsigned long long)memory->write_backs, (unsigned long long)counter->instructions);
}

static PyObject* save(CounterObject* self, PyObject* unused) {
  (void)unused;
  PyObject* bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)block_counter_save(&self->counter, NULL));
  if (bytes) block_counter_save(&self->counter, (uint8_t*)PyBytes_AS_STRING(bytes));
  return bytes;
}

static PyObject* restore(CounterObject* self, PyObject* bytes) {
  char* state;
  Py_ssize_t size;
  if (PyBytes_AsStringAndSize(bytes, &state, &size) < 0) return NULL;
  if (!block_counter_restore(&self->counter, (const uint8_t*)state, (size_t)size))
    return PyErr_Format(PyExc_ValueError, "not the state of such a counter");
  Py_RETURN_NONE;
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
    {"set_memory", (PyCFunction)set_memory, METH_VARARGS, "What memory costs from here on: MemoryCosts."},
    {"invalidate", (PyCFunction)invalidate, METH_VARARGS, "Empties the instruction cache, the data cache."},
    {"split", (PyCFunction)split, METH_NOARGS, "A row as in CycleSplit."},
    {"save", (PyCFunction)save, METH_NOARGS, "Its state, as bytes."},
    {"restore", (PyCFunction)restore, METH_O, "Takes on what `save` returned."},
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

PyTypeObject CounterType = {
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

static void note_access(void* list, uint32_t address, uint32_t size, bool is_store) {
  PyObject* row =
      Py_BuildValue("(kkO)", (unsigned long)address, (unsigned long)size, is_store ? Py_True : Py_False);
  if (row) PyList_Append(list, row);
  Py_XDECREF(row);
}

// touched(packed steps, 15 registers, APSR, memories) -> ([(address, size, stores)], how many were not resolved).
static PyObject* touched(PyObject* self, PyObject* args) {
  (void)self;
  const char* packed;
  Py_ssize_t bytes;
  unsigned int r[kProgramRegisters] = {0}, apsr;
  PyObject* rows;
  if (!PyArg_ParseTuple(args, "y#(IIIIIIIIIIIIIII)IO", &packed, &bytes, &r[0], &r[1], &r[2], &r[3], &r[4], &r[5],
                        &r[6], &r[7], &r[8], &r[9], &r[10], &r[11], &r[12], &r[13], &r[14], &apsr, &rows))
    return NULL;
  BlockCounter memories = {0};
  if (!read_guest_memories(&memories, rows)) return NULL;
  AccessProgram* program = access_program((const uint8_t*)packed, (size_t)bytes);
  PyObject* found = PyList_New(0);
  unsigned long unresolved = 0;
  if (found && program)
    unresolved = access_program_run(program, r, apsr, memories.guest, memories.guest_count, note_access, found);
  free(program);
  if (PyErr_Occurred()) Py_CLEAR(found);
  return found ? Py_BuildValue("(Nk)", found, unresolved) : NULL;
}

static PyObject* fill_hook(PyObject* self, PyObject* unused) {
  (void)self;
  (void)unused;
  return PyLong_FromVoidPtr((void*)(uintptr_t)pages_fill_hook);
}

static PyMethodDef functions[] = {
    {"fill_hook", fill_hook, METH_NOARGS, "Address of the UC_HOOK_TLB_FILL callback, whose data is a `Pages`."},
    {"touched", touched, METH_VARARGS, "What a block touches, by its steps: for tests of these."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_blockhook", .m_doc = "The block hook in C.",
                                    .m_size = -1, .m_methods = functions};

PyMODINIT_FUNC PyInit__blockhook(void) {
  if (PyType_Ready(&CounterType) < 0 || PyType_Ready(&ChipModelsType) < 0 || PyType_Ready(&ChipType) < 0)
    return NULL;
  PyObject* created = PyModule_Create(&module);
  if (!created) return NULL;
  if (PyModule_AddObjectRef(created, "BlockCounter", (PyObject*)&CounterType) < 0 ||
      PyModule_AddObjectRef(created, "Chip", (PyObject*)&ChipType) < 0)
    Py_CLEAR(created);
  return created;
}
