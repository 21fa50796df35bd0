// What the chip asks of Python. It may come in the middle of a run, which has let go of the interpreter's lock; an
// exception is kept until the run has ended.
#include "chip_type.h"

static bool keep_error(ChipObject* self) {
  if (self->error_type) {
    PyErr_Clear();
  } else {
    PyErr_Fetch(&self->error_type, &self->error_value, &self->error_trace);
  }
  self->chip.failed = true;
  return false;
}

bool chip_moment(PyObject* number, int64_t* time_ps) {
  const long long latest_ps = INT64_C(1) << 62;
  int overflow;
  const long long value = PyLong_AsLongLongAndOverflow(number, &overflow);
  *time_ps = overflow > 0 || value > latest_ps ? latest_ps : value;
  return !PyErr_Occurred();
}

PyObject* chip_raise_kept(ChipObject* self) {
  PyErr_Restore(self->error_type, self->error_value, self->error_trace);
  self->error_type = self->error_value = self->error_trace = NULL;
  return NULL;
}

static bool read_bus(void* of, uint32_t address, uint32_t size, uint32_t* value) {
  ChipObject* self = of;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer = PyObject_CallFunction(self->callables[kReadBus], "II", address, size);
  if (answer) *value = (uint32_t)PyLong_AsUnsignedLongMask(answer);
  Py_XDECREF(answer);
  const bool well = !PyErr_Occurred() || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

static bool write_bus(void* of, uint32_t address, uint32_t size, uint32_t value) {
  ChipObject* self = of;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer = PyObject_CallFunction(self->callables[kWriteBus], "III", address, size, value);
  Py_XDECREF(answer);
  const bool well = answer || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

static bool may_access(void* of, uint32_t address, uint32_t size, bool store, bool* may) {
  ChipObject* self = of;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer =
      PyObject_CallFunction(self->callables[kMayAccess], "IIO", address, size, store ? Py_True : Py_False);
  if (answer) *may = PyObject_IsTrue(answer) == 1;
  Py_XDECREF(answer);
  const bool well = !PyErr_Occurred() || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

static bool pins_changed(void* of, int port) {
  ChipObject* self = of;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer = PyObject_CallFunction(self->callables[kPins], "i", port);
  Py_XDECREF(answer);
  const bool well = answer || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

static bool line_timing(void* of, int index, LineTiming* timing) {
  ChipObject* self = of;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer = PyObject_CallFunction(self->callables[kLineTiming], "i", index);
  long long own_ps, line_ps;
  unsigned int data_mask;
  int receives_clean, sends_clean;
  if (answer && PyArg_ParseTuple(answer, "LLIpp", &own_ps, &line_ps, &data_mask, &receives_clean, &sends_clean))
    *timing = (LineTiming){own_ps, line_ps, data_mask, receives_clean, sends_clean};
  Py_XDECREF(answer);
  const bool well = !PyErr_Occurred() || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

static bool transmitted(void* of, int index, uint32_t byte) {
  ChipObject* self = of;
  if (!self->transmitted[index]) return true;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* number = PyLong_FromUnsignedLong(byte);
  PyObject* answer = number ? PyObject_CallOneArg(self->transmitted[index], number) : NULL;
  Py_XDECREF(number);
  Py_XDECREF(answer);
  const bool well = answer || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

static bool crossing(void* of, int index, bool outwards, uint32_t* byte, bool* stop_bit) {
  ChipObject* self = of;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer =
      PyObject_CallFunction(self->callables[kCrossing], "iOI", index, outwards ? Py_True : Py_False, *byte);
  int found;
  if (answer && PyArg_ParseTuple(answer, "Ip", byte, &found)) *stop_bit = found;
  Py_XDECREF(answer);
  const bool well = !PyErr_Occurred() || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

// With the interpreter's lock, as the next three.
static bool condition(void* of, bool* met) {
  ChipObject* self = of;
  if (PyByteArray_Check(self->condition)) {  // what the call of a `Received` says
    const Py_ssize_t count = PyByteArray_GET_SIZE(self->condition);
    *met = count && (self->until < 0 || (uint8_t)PyByteArray_AS_STRING(self->condition)[count - 1] == self->until);
    return true;
  }
  PyObject* answer = PyObject_CallNoArgs(self->condition);
  if (answer) *met = PyObject_IsTrue(answer) == 1;
  Py_XDECREF(answer);
  return !PyErr_Occurred() || keep_error(self);
}

static bool interrupted(void* of) {
  Py_BEGIN_ALLOW_THREADS;  // brief runs have kept others waiting
  Py_END_ALLOW_THREADS;
  return PyErr_CheckSignals() == 0 || keep_error(of);
}

static bool counter_failed(void* of) {
  ChipObject* self = of;
  CounterObject* counter = self->counter;
  if (!counter->error_type) return false;
  PyErr_Restore(counter->error_type, counter->error_value, counter->error_trace);
  counter->error_type = counter->error_value = counter->error_trace = NULL;
  return !keep_error(self);
}

static bool unusual(void* of, int controller, int stream, bool failed, uint32_t address) {
  ChipObject* self = of;
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* where = failed ? PyLong_FromUnsignedLong(address) : Py_NewRef(Py_None);
  PyObject* answer =
      where ? PyObject_CallFunction(self->callables[kUnusual], "iiO", controller, stream, where) : NULL;
  Py_XDECREF(where);
  Py_XDECREF(answer);
  const bool well = answer || keep_error(self);
  PyGILState_Release(lock);
  return well;
}

static int start(void* of, uint64_t begin, bool brief) {
  const Engine* engine = &((ChipObject*)of)->chip.engine;
  int status;
  if (brief) return engine->start(engine->handle, begin, 0, 0, 0);
  Py_BEGIN_ALLOW_THREADS;
  status = engine->start(engine->handle, begin, 0, 0, 0);
  Py_END_ALLOW_THREADS;
  return status;
}

static bool call_event(void* of, uint64_t callable) {
  const PyGILState_STATE lock = PyGILState_Ensure();
  PyObject* answer = PyObject_CallNoArgs((PyObject*)(uintptr_t)callable);
  Py_XDECREF(answer);
  const bool well = answer || keep_error(of);
  PyGILState_Release(lock);
  return well;
}

PyObject* chip_callable(const Event* event) {
  return event->action == call_event ? (PyObject*)(uintptr_t)event->argument : NULL;
}

static void drop_event(Event* event) {
  if (event->action != call_event) return;
  const PyGILState_STATE lock = PyGILState_Ensure();
  Py_DECREF((PyObject*)(uintptr_t)event->argument);
  PyGILState_Release(lock);
}

uint64_t chip_schedule(ChipObject* self, int64_t time_ps, PyObject* callable) {
  Py_INCREF(callable);
  return clock_at(&self->chip.clock, time_ps, call_event, self, (uintptr_t)callable);
}

Event chip_foreign_event(ChipObject* self, int64_t time_ps, uint64_t asked, PyObject* callable) {
  Py_INCREF(callable);
  return (Event){time_ps, asked, call_event, self, (uintptr_t)callable};
}

void chip_connect(ChipObject* self) {
  self->chip.outside = (Outside){read_bus, write_bus,    may_access,     condition, interrupted,
                                 unusual,  pins_changed, counter_failed, start,     self};
  self->chip.line = (Line){line_timing, transmitted, crossing, self};
  self->chip.clock.drop = drop_event;
}
