// `Chip.save` and `Chip.restore`.
#include "chip_state.h"
#include "chip_type.h"

// (owner, index, time in ps, name, ticks or callable) of an event.
static PyObject* describe(const Chip* chip, const Event* event) {
  int index;
  const Owner owner = chip_event_owner(chip, event, &index);
  PyObject* callable = chip_callable(event);
  PyObject* argument = callable ? Py_NewRef(callable) : PyLong_FromUnsignedLongLong(event->argument);
  return argument ? Py_BuildValue("(iiLKN)", (int)owner, index, (long long)event->time_ps,
                                  (unsigned long long)event->asked, argument)
                  : NULL;
}

// (state, events, bytes on their way to each USART)
PyObject* chip_type_save(ChipObject* self, PyObject* unused) {
  (void)unused;
  const Chip* chip = &self->chip;
  PyObject* state = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)chip_state_size());
  PyObject *events = PyList_New(0), *incoming = PyTuple_New(kUsarts);
  if (state) chip_save(chip, (uint8_t*)PyBytes_AS_STRING(state));
  for (size_t i = 0; events && i < chip->clock.count; ++i) {
    if (!chip->clock.queue[i].action) continue;
    PyObject* row = describe(chip, &chip->clock.queue[i]);
    if (!row || PyList_Append(events, row) < 0) Py_CLEAR(events);
    Py_XDECREF(row);
  }
  for (int i = 0; incoming && i < kUsarts; ++i) {
    const Usart* usart = &chip->usarts[i];
    const char* first = (const char*)usart->incoming + usart->incoming_first;
    PyObject* bytes =
        PyBytes_FromStringAndSize(usart->incoming_count ? first : "", (Py_ssize_t)usart->incoming_count);
    if (bytes)
      PyTuple_SET_ITEM(incoming, i, bytes);
    else
      Py_CLEAR(incoming);
  }
  if (state && events && incoming) return Py_BuildValue("(NNN)", state, events, incoming);
  Py_XDECREF(state);
  Py_XDECREF(events);
  Py_XDECREF(incoming);
  return NULL;
}

static bool restore_event(ChipObject* self, PyObject* row) {
  int owner, index;
  long long time_ps;
  unsigned long long asked;
  PyObject* argument;
  if (!PyArg_ParseTuple(row, "iiLKO", &owner, &index, &time_ps, &asked, &argument)) return false;
  if (owner == kForeign) {
    clock_put(&self->chip.clock, chip_foreign_event(self, time_ps, asked, argument));
    return true;
  }
  if (owner < 0 || owner >= kOwners || index < 0 || index >= kUsarts) {
    PyErr_SetString(PyExc_ValueError, "there is no such event");
    return false;
  }
  const uint64_t ticks = owner == kSysTickZero ? PyLong_AsUnsignedLongLong(argument) : 0;
  if (PyErr_Occurred()) return false;
  clock_put(&self->chip.clock, chip_own_event(&self->chip, (Owner)owner, index, time_ps, asked, ticks));
  return true;
}

// restore(state, events, bytes on their way to each USART), as `save` had them.
PyObject* chip_type_restore(ChipObject* self, PyObject* args) {
  Py_buffer state;
  PyObject *events, *incoming;
  if (!PyArg_ParseTuple(args, "y*O!O!", &state, &PyList_Type, &events, &PyTuple_Type, &incoming)) return NULL;
  const bool fits = (size_t)state.len == chip_state_size() && PyTuple_GET_SIZE(incoming) == kUsarts;
  if (fits) {
    clock_clear(&self->chip.clock);
    chip_restore(&self->chip, state.buf);
  }
  PyBuffer_Release(&state);
  if (!fits) return PyErr_Format(PyExc_ValueError, "not the state of such a chip");
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(events); ++i)
    if (!restore_event(self, PyList_GET_ITEM(events, i))) return NULL;
  for (int i = 0; i < kUsarts; ++i) {
    char* bytes;
    Py_ssize_t count;
    if (PyBytes_AsStringAndSize(PyTuple_GET_ITEM(incoming, i), &bytes, &count) < 0) return NULL;
    usart_queue(&self->chip.usarts[i], (const uint8_t*)bytes, (size_t)count);
  }
  Py_RETURN_NONE;
}
