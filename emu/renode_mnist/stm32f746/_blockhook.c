// Counts translated blocks, and what it cost to come to each from the one before, while Unicorn runs.
//
// The Python twin is PythonBlockCounter in blockcounter.py: same attributes, same counts, 4 to 50 times slower.
// Nothing here links against Unicorn; its functions come in as addresses, its handle as an integer.
//
// A run is a walk over edges: each block keeps a list of the blocks that followed it, with how often. Finding the
// edge finds the block, so counting pairs costs no more than counting blocks.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <structmember.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

enum { kHashSlots = 1 << 14, kLargestBlockBytes = 2048 };

typedef int (*StopFunction)(void* engine);
typedef int (*RegisterFunction)(void* engine, int register_id, void* value);
typedef int (*MemoryFunction)(void* engine, uint64_t address, void* bytes, uint64_t size);

typedef struct Block Block;

typedef struct Edge {
  struct Edge* next;  // of the same `from`, most useful first
  Block* to;
  uint32_t address;  // of `to`, here to spare a cache line
  uint32_t size;
  uint64_t cycles;  // charged each time
  uint64_t entered;
  uint64_t mispredicted;  // of these times
} Edge;

struct Block {
  Edge* edges;
  Edge* predicted;                // the way out that is expected, by a two-bit counter:
  bool sure;                      // only the second wrong guess in a row changes the expectation
  uint32_t misprediction_cycles;  // charged when it goes another way
  struct Block* next_in_slot;
  struct Block* next;  // all blocks, newest first
  uint32_t address;
  uint32_t size;  // in bytes
  uint32_t instructions;
  bool breakpoint;
};

typedef struct {
  PyObject_HEAD void* engine;
  StopFunction stop;
  RegisterFunction read_register;
  MemoryFunction read_memory;
  int mask_registers[3];

  unsigned long long instructions;
  unsigned long long cycles;
  unsigned long long limit_cycles;
  char stopped;
  char at_breakpoint;
  char watching;
  uint32_t watched_masks[3];

  Edge* last;      // the edge that led to the block being executed
  Block* current;  // that block, or `start` after forget_previous()
  Block start;     // stands before the first block and after each exception
  Block* blocks;
  Block* slots[kHashSlots];

  uint32_t* breakpoints;
  size_t breakpoint_count;
  char skip_breakpoint;

  PyObject* timing;  // callable or NULL
  PyObject *error_type, *error_value, *error_trace;
} Counter;

static size_t slot_of(uint32_t address, uint32_t size) {
  return ((address >> 1) * 2654435761u ^ size) >> 5 & (kHashSlots - 1);
}

// Thumb instructions in `size` bytes: a first half-word of 0xE800 or more opens a 32-bit one (DDI 0403E, A5.1).
static uint32_t count_thumb(const uint8_t* code, uint32_t size) {
  uint32_t count = 0;
  for (uint32_t at = 0; at + 1 < size; ++count) at += code[at + 1] >= 0xE8 ? 4 : 2;
  return count;
}

static bool is_breakpoint(const Counter* self, uint32_t address) {
  for (size_t i = 0; i < self->breakpoint_count; ++i)
    if (self->breakpoints[i] == address) return true;
  return false;
}

static Block* find_block(const Counter* self, uint32_t address, uint32_t size) {
  Block* block = self->slots[slot_of(address, size)];
  while (block && (block->address != address || block->size != size)) block = block->next_in_slot;
  return block;
}

static Block* add_block(Counter* self, uint32_t address, uint32_t size, uint32_t instructions) {
  Block* block = calloc(1, sizeof *block);
  if (!block) abort();
  block->address = address;
  block->size = size;
  block->instructions = instructions;
  block->breakpoint = is_breakpoint(self, address);
  Block** slot = &self->slots[slot_of(address, size)];
  block->next_in_slot = *slot;
  *slot = block;
  block->next = self->blocks;
  self->blocks = block;
  return block;
}

static Edge* add_edge(Block* from, Block* to, uint64_t cycles) {
  Edge* edge = calloc(1, sizeof *edge);
  if (!edge) abort();
  edge->to = to;
  edge->address = to->address;
  edge->size = to->size;
  edge->cycles = cycles;
  edge->next = from->edges;
  from->edges = edge;
  return edge;
}

static void keep_error(Counter* self) {
  if (self->error_type) {
    PyErr_Clear();
    return;
  }
  PyErr_Fetch(&self->error_type, &self->error_value, &self->error_trace);
}

// Asks the timing model what `to` costs after `from`; once a pair, with the interpreter's lock taken for it.
static uint64_t ask_timing(Counter* self, Block* from, const Block* to) {
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

static Edge* learn_edge(Counter* self, Block* from, uint32_t address, uint32_t size) {
  Block* to = find_block(self, address, size);
  if (!to) {
    uint8_t code[kLargestBlockBytes];
    // Cannot fail: Unicorn has just translated these bytes, and ends a block at a page (1 KiB).
    if (size > sizeof code || self->read_memory(self->engine, address, code, size) != 0) abort();
    to = add_block(self, address, size, count_thumb(code, size));
  }
  return add_edge(from, to, self->timing ? ask_timing(self, from, to) : to->instructions);
}

static inline Edge* find_edge(Counter* self, Block* from, uint32_t address, uint32_t size) {
  Edge* edge = from->edges;
  if (LIKELY(edge && edge->address == address && edge->size == size)) return edge;
  Edge** link = &from->edges;
  while (edge && (edge->address != address || edge->size != size)) {
    link = &edge->next;
    edge = edge->next;
  }
  if (!edge) return learn_edge(self, from, address, size);
  *link = edge->next;  // to the front: the callers of a function take turns
  edge->next = from->edges;
  from->edges = edge;
  return edge;
}

// `from` went by `edge`, which was not expected. The first time nothing was expected, and nothing is charged.
static void mispredict(Counter* self, Block* from, Edge* edge) {
  if (from->predicted) {
    edge->mispredicted++;
    self->cycles += from->misprediction_cycles;
  }
  if (!from->sure) from->predicted = edge;
  from->sure = false;
}

static bool masks_changed(Counter* self) {
  for (int i = 0; i < 3; ++i) {
    uint32_t value = 0;
    self->read_register(self->engine, self->mask_registers[i], &value);
    if (value != self->watched_masks[i]) return true;
  }
  return false;
}

static void stop(Counter* self) {
  self->stopped = 1;
  self->stop(self->engine);
}

// uc_cb_hookcode_t of UC_HOOK_BLOCK. A block that is stopped here has not begun, and is not counted.
static void on_block(void* engine, uint64_t address, uint32_t size, void* user_data) {
  Counter* self = user_data;
  (void)engine;
  if (UNLIKELY(self->cycles >= self->limit_cycles) || UNLIKELY(self->watching && masks_changed(self))) {
    stop(self);
    return;
  }
  Edge* edge = find_edge(self, self->current, (uint32_t)address, size);
  if (UNLIKELY(edge->to->breakpoint)) {
    if (!self->skip_breakpoint) {
      self->at_breakpoint = 1;
      stop(self);
      return;
    }
  }
  self->skip_breakpoint = 0;
  Block* from = self->current;
  if (from->misprediction_cycles) {
    if (LIKELY(edge == from->predicted))
      from->sure = true;
    else
      mispredict(self, from, edge);
  }
  edge->entered++;
  self->instructions += edge->to->instructions;
  self->cycles += edge->cycles;
  self->current = edge->to;
  self->last = edge;
}

static void free_blocks(Counter* self) {
  for (Block* block = &self->start; block; block = block == &self->start ? self->blocks : block->next)
    for (Edge *edge = block->edges, *next; edge; edge = next) {
      next = edge->next;
      free(edge);
    }
  for (Block *block = self->blocks, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  self->blocks = NULL;
  self->start.edges = NULL;
  self->current = &self->start;
  self->last = NULL;
  for (size_t i = 0; i < kHashSlots; ++i) self->slots[i] = NULL;
}

static int counter_init(Counter* self, PyObject* args, PyObject* keywords) {
  static char* names[] = {"engine", "stop", "read_register", "read_memory", "mask_registers", "timing", NULL};
  unsigned long long engine, stop_at, read_register, read_memory;
  PyObject* timing;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "KKKK(iii)O", names, &engine, &stop_at, &read_register,
                                   &read_memory, &self->mask_registers[0], &self->mask_registers[1],
                                   &self->mask_registers[2], &timing))
    return -1;
  self->engine = (void*)(uintptr_t)engine;
  self->stop = (StopFunction)(uintptr_t)stop_at;
  self->read_register = (RegisterFunction)(uintptr_t)read_register;
  self->read_memory = (MemoryFunction)(uintptr_t)read_memory;
  if (timing != Py_None) {
    Py_INCREF(timing);
    self->timing = timing;
  }
  self->current = &self->start;
  return 0;
}

static int counter_traverse(Counter* self, visitproc visit, void* arg) {
  Py_VISIT(self->timing);
  Py_VISIT(self->error_value);
  return 0;
}

static int counter_clear(Counter* self) {
  Py_CLEAR(self->timing);
  Py_CLEAR(self->error_type);
  Py_CLEAR(self->error_value);
  Py_CLEAR(self->error_trace);
  return 0;
}

static void counter_dealloc(Counter* self) {
  PyObject_GC_UnTrack(self);
  free_blocks(self);
  free(self->breakpoints);
  counter_clear(self);
  Py_TYPE(self)->tp_free((PyObject*)self);
}

static PyObject* begin(Counter* self, PyObject* limit) {
  unsigned long long value = PyLong_AsUnsignedLongLong(limit);
  if (PyErr_Occurred()) return NULL;
  self->limit_cycles = value;
  self->skip_breakpoint = self->at_breakpoint;
  self->stopped = 0;
  self->at_breakpoint = 0;
  Py_RETURN_NONE;
}

static PyObject* request_stop(Counter* self, PyObject* unused) {
  (void)unused;
  self->limit_cycles = 0;
  Py_RETURN_NONE;
}

static PyObject* watch_masks(Counter* self, PyObject* args) {
  if (!PyArg_ParseTuple(args, "III", &self->watched_masks[0], &self->watched_masks[1], &self->watched_masks[2]))
    return NULL;
  self->watching = 1;
  Py_RETURN_NONE;
}

static PyObject* unwatch_masks(Counter* self, PyObject* unused) {
  (void)unused;
  self->watching = 0;
  Py_RETURN_NONE;
}

static PyObject* forget_previous(Counter* self, PyObject* unused) {
  (void)unused;
  self->current = &self->start;
  self->last = NULL;
  Py_RETURN_NONE;
}

static PyObject* current(Counter* self, PyObject* unused) {
  (void)unused;
  if (!self->last) return Py_BuildValue("(kkkK)", 0UL, 0UL, 0UL, 0ULL);
  return Py_BuildValue("(kkkK)", (unsigned long)self->current->address, (unsigned long)self->current->size,
                       (unsigned long)self->current->instructions, (unsigned long long)self->last->cycles);
}

// The block being executed ended early, at a fault: what was counted for it gives way to its first part.
static PyObject* cut_short(Counter* self, PyObject* args) {
  unsigned int size, instructions;
  if (!PyArg_ParseTuple(args, "II", &size, &instructions)) return NULL;
  Edge* whole = self->last;
  if (!whole || size >= whole->size) Py_RETURN_NONE;
  whole->entered--;
  self->instructions -= whole->to->instructions - instructions;
  self->cycles -= whole->cycles;
  if (instructions) {
    Block* part = find_block(self, whole->address, size);
    if (!part) part = add_block(self, whole->address, size, instructions);
    Edge* edge = self->start.edges;
    while (edge && edge->to != part) edge = edge->next;
    if (!edge) edge = add_edge(&self->start, part, whole->cycles * instructions / whole->to->instructions);
    edge->entered++;
    self->cycles += edge->cycles;
  }
  self->current = &self->start;
  self->last = NULL;
  Py_RETURN_NONE;
}

static PyObject* clear_counts(Counter* self, PyObject* unused) {
  (void)unused;
  free_blocks(self);
  self->instructions = 0;
  Py_RETURN_NONE;
}

static PyObject* set_breakpoints(Counter* self, PyObject* addresses) {
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
  free(self->breakpoints);
  self->breakpoints = wanted;
  self->breakpoint_count = (size_t)count;
  for (Block* block = self->blocks; block; block = block->next)
    block->breakpoint = is_breakpoint(self, block->address);
  Py_RETURN_NONE;
}

// Rows as in EdgeCount of blockcounter.py.
static PyObject* edges(Counter* self, PyObject* unused) {
  (void)unused;
  PyObject* list = PyList_New(0);
  if (!list) return NULL;
  for (Block* block = &self->start; block; block = block == &self->start ? self->blocks : block->next)
    for (Edge* edge = block->edges; edge; edge = edge->next) {
      if (!edge->entered) continue;
      PyObject* row =
          block == &self->start
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

static PyObject* raise_pending(Counter* self, PyObject* unused) {
  (void)unused;
  if (self->error_type) {
    PyErr_Restore(self->error_type, self->error_value, self->error_trace);
    self->error_type = self->error_value = self->error_trace = NULL;
    return NULL;
  }
  Py_RETURN_NONE;
}

static PyObject* get_hook(Counter* self, void* unused) {
  (void)self;
  (void)unused;
  return PyLong_FromVoidPtr((void*)(uintptr_t)on_block);
}

static PyObject* get_user_data(Counter* self, void* unused) {
  (void)unused;
  return PyLong_FromVoidPtr(self);
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
    {"instructions", T_ULONGLONG, offsetof(Counter, instructions), READONLY, "To the end of the block under way."},
    {"cycles", T_ULONGLONG, offsetof(Counter, cycles), READONLY, "The same by the clock model."},
    {"stopped", T_BOOL, offsetof(Counter, stopped), READONLY, "Whether this hook ended the run."},
    {"at_breakpoint", T_BOOL, offsetof(Counter, at_breakpoint), READONLY, "Whether a breakpoint did."},
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
    .tp_basicsize = sizeof(Counter),
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
