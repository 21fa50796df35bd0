// The models that the chip in C has, one by one: what chip_models.py puts under the interfaces of those in Python.
#include "chip_type.h"

// Time

static PyObject* now_ps(ChipObject* self, PyObject* unused) {
  (void)unused;
  return PyLong_FromLongLong(clock_now_ps(&self->chip.clock));
}

static PyObject* set_hertz(ChipObject* self, PyObject* hertz) {
  const unsigned long long value = PyLong_AsUnsignedLongLong(hertz);
  if (PyErr_Occurred()) return NULL;
  clock_set_hertz(&self->chip.clock, value);
  Py_RETURN_NONE;
}

static PyObject* cycles_at(ChipObject* self, PyObject* number) {
  int64_t time_ps;
  if (!chip_moment(number, &time_ps)) return NULL;
  return PyLong_FromUnsignedLongLong(clock_cycles_at(&self->chip.clock, time_ps));
}

static PyObject* sleep_until(ChipObject* self, PyObject* number) {
  int64_t time_ps;
  if (!chip_moment(number, &time_ps)) return NULL;
  clock_sleep_until(&self->chip.clock, time_ps);
  Py_RETURN_NONE;
}

static PyObject* at(ChipObject* self, PyObject* args) {
  PyObject *number, *callable;
  int64_t time_ps;
  if (!PyArg_ParseTuple(args, "OO", &number, &callable) || !chip_moment(number, &time_ps)) return NULL;
  return PyLong_FromUnsignedLongLong(chip_schedule(self, time_ps, callable));
}

static PyObject* cancel(ChipObject* self, PyObject* name) {
  clock_cancel(&self->chip.clock, PyLong_AsUnsignedLongLong(name));
  if (PyErr_Occurred()) return NULL;
  Py_RETURN_NONE;
}

static PyObject* is_due(ChipObject* self, PyObject* name) {
  return PyBool_FromLong(clock_is_due(&self->chip.clock, PyLong_AsUnsignedLongLong(name)));
}

static PyObject* next_ps(ChipObject* self, PyObject* unused) {
  (void)unused;
  const int64_t time_ps = clock_next_ps(&self->chip.clock);
  if (time_ps == INT64_MAX) Py_RETURN_NONE;
  return PyLong_FromLongLong(time_ps);
}

static PyObject* run_due(ChipObject* self, PyObject* unused) {
  (void)unused;
  if (!clock_run_due(&self->chip.clock)) return chip_raise_kept(self);
  Py_RETURN_NONE;
}

static PyObject* clear_events(ChipObject* self, PyObject* unused) {
  (void)unused;
  clock_clear(&self->chip.clock);
  Py_RETURN_NONE;
}

// Exceptions

static bool exception_number(PyObject* args, const char* format, int* first, int* number, int* value) {
  if (!PyArg_ParseTuple(args, format, first, number, value)) return false;
  if (*number >= 0 && *number < kExceptions && *first >= 0 && *first < kNumberSets) return true;
  PyErr_Format(PyExc_ValueError, "there is no exception %d", *number);
  return false;
}

static PyObject* nvic_has_number(ChipObject* self, PyObject* args) {
  int set, number, unused = 0;
  if (!exception_number(args, "ii|i", &set, &number, &unused)) return NULL;
  return PyBool_FromLong(nvic_has(&self->chip.nvic, (NumberSet)set, number));
}

static PyObject* nvic_put_number(ChipObject* self, PyObject* args) {
  int set, number, in;
  if (!exception_number(args, "iip", &set, &number, &in)) return NULL;
  nvic_put(&self->chip.nvic, (NumberSet)set, number, in);
  Py_RETURN_NONE;
}

static PyObject* nvic_numbers(ChipObject* self, PyObject* args) {
  int set, first = 0, unused = 0;
  if (!exception_number(args, "i|ii", &set, &first, &unused)) return NULL;
  PyObject* list = PyList_New(0);
  for (int number = 0; list && number < kExceptions; ++number) {
    if (!nvic_has(&self->chip.nvic, (NumberSet)set, number)) continue;
    PyObject* item = PyLong_FromLong(number);
    if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
    Py_XDECREF(item);
  }
  return list;
}

typedef enum {
  kDoReset,
  kDoPend,
  kDoUnpend,
  kDoActivate,
  kDoDeactivate,
  kDoEnable,
  kDoDisable,
  kDoRaise,
  kDoLower
} NvicAct;

// nvic_do(NvicAct, number or position)
static PyObject* nvic_do(ChipObject* self, PyObject* args) {
  int act, number;
  if (!PyArg_ParseTuple(args, "ii", &act, &number)) return NULL;
  if (number < 0 || number + (act >= kDoRaise ? kFirstInterrupt : 0) >= kExceptions)
    return PyErr_Format(PyExc_ValueError, "there is no exception %d", number);
  Nvic* nvic = &self->chip.nvic;
  switch ((NvicAct)act) {
    case kDoReset:
      nvic_reset(nvic);
      break;
    case kDoPend:
      nvic_pend(nvic, number);
      break;
    case kDoUnpend:
      nvic_unpend(nvic, number);
      break;
    case kDoActivate:
      nvic_activate(nvic, number);
      break;
    case kDoDeactivate:
      nvic_deactivate(nvic, number);
      break;
    case kDoEnable:
    case kDoDisable:
      nvic_enable(nvic, number, act == kDoEnable);
      break;
    case kDoRaise:
    case kDoLower:
      nvic_set_line(nvic, number, act == kDoRaise);
  }
  Py_RETURN_NONE;
}

static PyObject* nvic_get_priority(ChipObject* self, PyObject* args) {
  int number;
  if (!PyArg_ParseTuple(args, "i", &number)) return NULL;
  if (number < 0 || number >= kExceptions)
    return PyErr_Format(PyExc_ValueError, "there is no exception %d", number);
  return PyLong_FromLong(self->chip.nvic.priorities[number]);
}

static PyObject* nvic_set_priority(ChipObject* self, PyObject* args) {
  int number, priority;
  if (!PyArg_ParseTuple(args, "ii", &number, &priority)) return NULL;
  if (number < 0 || number >= kExceptions)
    return PyErr_Format(PyExc_ValueError, "there is no exception %d", number);
  self->chip.nvic.priorities[number] = (uint8_t)priority;
  Py_RETURN_NONE;
}

static PyObject* nvic_best(ChipObject* self, PyObject* unused) {
  (void)unused;
  const int number = nvic_best_pending(&self->chip.nvic);
  if (number == kNoException) Py_RETURN_NONE;
  return PyLong_FromLong(number);
}

// SysTick

static PyObject* read_systick(ChipObject* self, PyObject* offset) {
  return PyLong_FromUnsignedLong(systick_read(&self->chip.systick, (uint32_t)PyLong_AsUnsignedLongMask(offset)));
}

static PyObject* write_systick(ChipObject* self, PyObject* args) {
  unsigned int offset, value;
  if (!PyArg_ParseTuple(args, "II", &offset, &value)) return NULL;
  systick_write(&self->chip.systick, offset, value);
  Py_RETURN_NONE;
}

static PyObject* settle_systick(ChipObject* self, PyObject* unused) {
  (void)unused;
  systick_settle(&self->chip.systick);
  Py_RETURN_NONE;
}

static PyObject* plan_systick(ChipObject* self, PyObject* unused) {
  (void)unused;
  systick_plan(&self->chip.systick);
  Py_RETURN_NONE;
}

static PyObject* reset_systick(ChipObject* self, PyObject* unused) {
  (void)unused;
  systick_reset(&self->chip.systick);
  Py_RETURN_NONE;
}

// USARTs

static Usart* usart_of(ChipObject* self, int index) {
  if (index >= 0 && index < kUsarts) return &self->chip.usarts[index];
  PyErr_Format(PyExc_IndexError, "there is no USART %d", index);
  return NULL;
}

static PyObject* read_usart(ChipObject* self, PyObject* args) {
  int index, peeks;
  unsigned int offset;
  Usart* usart;
  if (!PyArg_ParseTuple(args, "iIp", &index, &offset, &peeks) || !(usart = usart_of(self, index))) return NULL;
  if (peeks) return PyLong_FromUnsignedLong(usart->registers[offset / 4 % kUsartRegisters]);
  return PyLong_FromUnsignedLong(usart_read(usart, offset));
}

static PyObject* write_usart(ChipObject* self, PyObject* args) {
  int index;
  unsigned int offset, value;
  Usart* usart;
  if (!PyArg_ParseTuple(args, "iII", &index, &offset, &value) || !(usart = usart_of(self, index))) return NULL;
  if (!usart_write(usart, offset, value)) return chip_raise_kept(self);
  Py_RETURN_NONE;
}

static PyObject* feed_usart(ChipObject* self, PyObject* args) {
  int index;
  Py_buffer bytes;
  Usart* usart;
  if (!PyArg_ParseTuple(args, "iy*", &index, &bytes)) return NULL;
  bool fed = false;
  if ((usart = usart_of(self, index))) {
    fed = usart_feed(usart, bytes.buf, (size_t)bytes.len);
    if (!fed) chip_raise_kept(self);
  }
  PyBuffer_Release(&bytes);
  if (!fed) return NULL;
  Py_RETURN_NONE;
}

static PyObject* reset_usart(ChipObject* self, PyObject* args) {
  int index;
  Usart* usart;
  if (!PyArg_ParseTuple(args, "i", &index) || !(usart = usart_of(self, index))) return NULL;
  usart_reset(usart);
  Py_RETURN_NONE;
}

static PyObject* usart_incoming(ChipObject* self, PyObject* args) {
  int index;
  Usart* usart;
  if (!PyArg_ParseTuple(args, "i", &index) || !(usart = usart_of(self, index))) return NULL;
  return PyLong_FromSize_t(usart->incoming_count);
}

// usart_transmitted(index, callable): who listens.
static PyObject* usart_transmitted(ChipObject* self, PyObject* args) {
  int index;
  PyObject* callable;
  if (!PyArg_ParseTuple(args, "iO", &index, &callable) || !usart_of(self, index)) return NULL;
  Py_INCREF(callable);
  Py_XSETREF(self->transmitted[index], callable);
  Py_RETURN_NONE;
}

// clock_usart(index, clocked): its clock or the rate of its line has changed.
static PyObject* clock_usart(ChipObject* self, PyObject* args) {
  int index, clocked;
  Usart* usart;
  if (!PyArg_ParseTuple(args, "ip", &index, &clocked) || !(usart = usart_of(self, index))) return NULL;
  usart->clocked = clocked;
  usart->timing_known = false;
  Py_RETURN_NONE;
}

// GPIO, RCC, DWT

static Gpio* gpio_of(ChipObject* self, int index) {
  if (index >= 0 && index < kGpios) return &self->chip.gpios[index];
  PyErr_Format(PyExc_IndexError, "there is no GPIO port %d", index);
  return NULL;
}

static PyObject* read_gpio(ChipObject* self, PyObject* args) {
  int index, peeks;
  unsigned int offset;
  const Gpio* gpio;
  if (!PyArg_ParseTuple(args, "iIp", &index, &offset, &peeks) || !(gpio = gpio_of(self, index))) return NULL;
  return PyLong_FromUnsignedLong(peeks ? gpio_peek(gpio, offset) : gpio_read(gpio, offset));
}

static PyObject* write_gpio(ChipObject* self, PyObject* args) {
  int index;
  unsigned int offset, value;
  Gpio* gpio;
  if (!PyArg_ParseTuple(args, "iII", &index, &offset, &value) || !(gpio = gpio_of(self, index))) return NULL;
  return PyBool_FromLong(gpio_write(gpio, offset, value));
}

static PyObject* reset_gpio(ChipObject* self, PyObject* index) {
  Gpio* gpio = gpio_of(self, (int)PyLong_AsLong(index));
  if (!gpio) return NULL;
  gpio_reset(gpio);
  Py_RETURN_NONE;
}

static PyObject* levels_of_gpio(ChipObject* self, PyObject* index) {
  const Gpio* gpio = gpio_of(self, (int)PyLong_AsLong(index));
  return gpio ? PyLong_FromUnsignedLong(gpio_levels(gpio)) : NULL;
}

static PyObject* drive_gpio(ChipObject* self, PyObject* args) {
  int index;
  unsigned int driven, high;
  Gpio* gpio;
  if (!PyArg_ParseTuple(args, "iII", &index, &driven, &high) || !(gpio = gpio_of(self, index))) return NULL;
  gpio->driven = driven;
  gpio->high = high;
  Py_RETURN_NONE;
}

static PyObject* watch_gpio(ChipObject* self, PyObject* args) {
  int index;
  unsigned int pins;
  Gpio* gpio;
  if (!PyArg_ParseTuple(args, "iI", &index, &pins) || !(gpio = gpio_of(self, index))) return NULL;
  gpio->watched = pins;
  Py_RETURN_NONE;
}

static PyObject* clock_gpio(ChipObject* self, PyObject* args) {
  int index, clocked;
  Gpio* gpio;
  if (!PyArg_ParseTuple(args, "ip", &index, &clocked) || !(gpio = gpio_of(self, index))) return NULL;
  gpio->clocked = clocked;
  Py_RETURN_NONE;
}

// DMA controllers

static Dma* dma_of(ChipObject* self, int index) {
  if (index >= 0 && index < kDmas) return &self->chip.dmas[index];
  PyErr_Format(PyExc_IndexError, "there is no DMA controller %d", index);
  return NULL;
}

static PyObject* read_dma(ChipObject* self, PyObject* args) {
  int index;
  unsigned int offset;
  const Dma* dma;
  if (!PyArg_ParseTuple(args, "iI", &index, &offset) || !(dma = dma_of(self, index))) return NULL;
  return PyLong_FromUnsignedLong(dma_read(dma, offset));
}

static PyObject* write_dma(ChipObject* self, PyObject* args) {
  int index;
  unsigned int offset, value;
  Dma* dma;
  if (!PyArg_ParseTuple(args, "iII", &index, &offset, &value) || !(dma = dma_of(self, index))) return NULL;
  dma_write(dma, offset, value);
  Py_RETURN_NONE;
}

static PyObject* reset_dma(ChipObject* self, PyObject* args) {
  int index;
  Dma* dma;
  if (!PyArg_ParseTuple(args, "i", &index) || !(dma = dma_of(self, index))) return NULL;
  dma_reset(dma);
  Py_RETURN_NONE;
}

static PyObject* clock_dma(ChipObject* self, PyObject* args) {
  int index, clocked;
  Dma* dma;
  if (!PyArg_ParseTuple(args, "ip", &index, &clocked) || !(dma = dma_of(self, index))) return NULL;
  dma->clocked = clocked;
  Py_RETURN_NONE;
}

static PyObject* ask_dma(ChipObject* self, PyObject* args) {
  int request, asking;
  if (!PyArg_ParseTuple(args, "ii", &request, &asking)) return NULL;
  if (request < kUsartRequests || request >= kMostRequests) {
    PyErr_SetString(PyExc_ValueError, "no such request");
    return NULL;
  }
  chip_ask(&self->chip, request, (Asking)asking);
  Py_RETURN_NONE;
}

static PyObject* set_rcc(ChipObject* self, PyObject* words) {
  PyObject* items = PySequence_Fast(words, "a sequence of registers");
  if (!items) return NULL;
  for (Py_ssize_t i = 0; i < kRccRegisters && i < PySequence_Fast_GET_SIZE(items); ++i)
    self->chip.rcc[i] = (uint32_t)PyLong_AsUnsignedLongMask(PySequence_Fast_GET_ITEM(items, i));
  Py_DECREF(items);
  if (PyErr_Occurred()) return NULL;
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"now_ps", (PyCFunction)now_ps, METH_NOARGS, "See VirtualClock."},
    {"set_hertz", (PyCFunction)set_hertz, METH_O, "See VirtualClock."},
    {"cycles_at", (PyCFunction)cycles_at, METH_O, "See VirtualClock."},
    {"sleep_until", (PyCFunction)sleep_until, METH_O, "See VirtualClock."},
    {"at", (PyCFunction)at, METH_VARARGS, "(time in ps, callable) -> name of the event."},
    {"cancel", (PyCFunction)cancel, METH_O, "Keeps an event from happening."},
    {"is_due", (PyCFunction)is_due, METH_O, "Whether an event has yet to happen."},
    {"next_ps", (PyCFunction)next_ps, METH_NOARGS, "See Scheduler."},
    {"run_due", (PyCFunction)run_due, METH_NOARGS, "See Scheduler."},
    {"clear_events", (PyCFunction)clear_events, METH_NOARGS, "See Scheduler.clear."},
    {"nvic_has", (PyCFunction)nvic_has_number, METH_VARARGS, "(set, number) -> whether it is in."},
    {"nvic_put", (PyCFunction)nvic_put_number, METH_VARARGS, "(set, number, whether it is in)."},
    {"nvic_numbers", (PyCFunction)nvic_numbers, METH_VARARGS, "All in a set."},
    {"nvic_do", (PyCFunction)nvic_do, METH_VARARGS, "(what, number): see NvicAct."},
    {"nvic_priority", (PyCFunction)nvic_get_priority, METH_VARARGS, "As set."},
    {"nvic_set_priority", (PyCFunction)nvic_set_priority, METH_VARARGS, "(number, priority)."},
    {"nvic_best_pending", (PyCFunction)nvic_best, METH_NOARGS, "See Nvic."},
    {"systick_read", (PyCFunction)read_systick, METH_O, "See SysTick."},
    {"systick_write", (PyCFunction)write_systick, METH_VARARGS, "See SysTick."},
    {"systick_settle", (PyCFunction)settle_systick, METH_NOARGS, "See SysTick."},
    {"systick_plan", (PyCFunction)plan_systick, METH_NOARGS, "See SysTick."},
    {"systick_reset", (PyCFunction)reset_systick, METH_NOARGS, "See SysTick."},
    {"usart_read", (PyCFunction)read_usart, METH_VARARGS, "(index, offset, without effect) -> value."},
    {"usart_write", (PyCFunction)write_usart, METH_VARARGS, "(index, offset, value)."},
    {"usart_feed", (PyCFunction)feed_usart, METH_VARARGS, "(index, bytes)."},
    {"usart_reset", (PyCFunction)reset_usart, METH_VARARGS, "(index)."},
    {"usart_incoming", (PyCFunction)usart_incoming, METH_VARARGS, "(index) -> bytes on their way."},
    {"usart_transmitted", (PyCFunction)usart_transmitted, METH_VARARGS, "(index, callable)."},
    {"usart_clock", (PyCFunction)clock_usart, METH_VARARGS, "(index, whether it has one): its rates have changed."},
    {"gpio_read", (PyCFunction)read_gpio, METH_VARARGS, "(index, offset, as it is) -> value."},
    {"gpio_write", (PyCFunction)write_gpio, METH_VARARGS,
     "(index, offset, value) -> whether somebody is to be told."},
    {"gpio_reset", (PyCFunction)reset_gpio, METH_O, "(index): all registers are 0."},
    {"gpio_levels", (PyCFunction)levels_of_gpio, METH_O, "(index) -> a bit each pin."},
    {"gpio_drive", (PyCFunction)drive_gpio, METH_VARARGS, "(index, pins driven from outside, high ones)."},
    {"gpio_watch", (PyCFunction)watch_gpio, METH_VARARGS, "(index, pins watched while they are outputs)."},
    {"gpio_clock", (PyCFunction)clock_gpio, METH_VARARGS, "(index, whether it has one)."},
    {"dma_read", (PyCFunction)read_dma, METH_VARARGS, "(index, offset) -> value."},
    {"dma_write", (PyCFunction)write_dma, METH_VARARGS, "(index, offset, value)."},
    {"dma_reset", (PyCFunction)reset_dma, METH_VARARGS, "(index)."},
    {"dma_clock", (PyCFunction)clock_dma, METH_VARARGS, "(index, whether it has one)."},
    {"dma_ask", (PyCFunction)ask_dma, METH_VARARGS,
     "(request, Asking): a peripheral in Python asks for transfers."},
    {"set_rcc", (PyCFunction)set_rcc, METH_O, "What loads from the RCC read."},
    {NULL, NULL, 0, NULL},
};

PyTypeObject ChipModelsType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "renode_mnist.stm32f746._blockhook.ChipModels",
    .tp_doc = "Time, exceptions, SysTick and USARTs of a Chip.",
    .tp_basicsize = sizeof(ChipObject),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
    .tp_methods = methods,
};
