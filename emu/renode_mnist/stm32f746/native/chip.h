// What of the chip around Unicorn's core runs in C: time, exceptions, the hot peripherals, the run loop.
//
// The models in Python (clock.py, nvic.py, exceptions.py, systick.py, usart.py, the loop of machine.py) are the
// reference; tests/stm32f746/test_lockstep.py holds both to each other. Whatever is rare (faults, the MPU, the
// other peripherals) is left to Python: a step here is declined before it has changed anything.
#ifndef RENODE_MNIST_CHIP_H
#define RENODE_MNIST_CHIP_H

#include "clock.h"
#include "counter.h"
#include "dma.h"
#include "engine.h"
#include "gpio.h"
#include "nvic.h"
#include "systick.h"
#include "usart.h"

enum {
  kUsarts = 8,
  kUsartRequests = 2 * kUsarts,  // to receive and to send
  kMostRequests = 128,           // of all peripherals to DMA streams
  kGpios = 11,
  kDmas = 2,
  kRccRegisters = 40,
  kMostUnwritable = 32,
  kAllowedSlots = 256,
  kWindows = 7,
  kMostRams = 4,
  kPages = 1 << 22
};

// Why the core stopped: `StopKind` of stop.py by its value; what is seen in Python comes as kStopInPython.
typedef enum {
  kStopNone = 0,
  kStopBreakpoint = 2,
  kStopSupervisorCall = 5,
  kStopExceptionReturn = 6,
  kStopBkpt = 7,
  kStopUndefined = 8,
  kStopNoCoprocessor = 9,
  kStopBadFetch = 11,
  kStopBadLoad = 12,
  kStopBadStore = 13,
  kStopInPython = 100,
  kStopStatus,  // Unicorn's own error
  kStopError    // an exception of Python is set
} StopKind;

typedef struct Chip Chip;

typedef struct {
  Chip* chip;
  uint32_t base;
} Window;

typedef struct {
  uint32_t begin, end;
  uint8_t* host;
} Ram;

// What is asked of Python; false where that raised an exception, which `Chip.failed` then stands for.
typedef struct {
  bool (*read)(void* of, uint32_t address, uint32_t size, uint32_t* value);
  bool (*write)(void* of, uint32_t address, uint32_t size, uint32_t value);
  bool (*may_access)(void* of, uint32_t address, uint32_t size, bool store, bool* may);
  bool (*condition)(void* of, bool* met);  // of the run under way
  bool (*interrupted)(void* of);           // false: a signal (Ctrl-C) ends the run
  // A DMA stream: where nothing answered it, or how it is set as it is switched on.
  bool (*unusual)(void* of, int controller, int stream, bool failed, uint32_t address);
  bool (*pins_changed)(void* of, int port);
  bool (*unmodelled)(void* of, uint32_t address, uint32_t value);  // a USART's bits are set without effect
  bool (*counter_failed)(void* of);                                // the clock model raised an error
                                     // uc_emu_start; what is not brief goes without the interpreter's lock.
  int (*start)(void* of, uint64_t begin, bool brief);
  void* of;
} Outside;

// A loop that came round with nothing changed.
typedef struct {
  uint32_t pc;        // where it was seen to come round
  bool goes_on;       // the core is still in it, if no event
  uint64_t happened;  // has come since: `Clock.happened` then
  bool reads;         // it polls:
  uint32_t read_address, read_value;
} Loop;

// What is read goes up or down by one each `tick_ps`, for at least that many ticks; 0: it does not.
typedef struct {
  int64_t tick_ps, ticks;
  bool falls;
} Counts;

// How `idle.c` looks for loops.
typedef struct {
  uint64_t patience;       // cycles that go by before a look
  uint64_t waited;         // of those, so far, over as many events and ends of runs as come
  uint32_t poll_patience;  // or as many reads of peripherals
  uint32_t polls;          // of those, so far
  uint64_t reads;          // likewise, without end
  uint64_t effects;        // accesses to the bus that may have changed something, or of which the next differs
  uint64_t counter_reads;  // of these, words of CYCCNT, of SysTick's value and of what Python says that it
                           // `read_counts`, the last of which was
  uint32_t counter_address, counter_value;
  Counts counts;  // and of Python's, so
  uint32_t read_address, read_value;
  uint8_t* ram;    // a copy of all RAM
  Memory* memory;  // likewise of the caches
  Loop found;
} Idle;

typedef struct {
  uint32_t word;  // address / 4, plus one
  uint8_t known, may;
} Allowed;

// A store that was refused within an IT block: Unicorn goes on to the block's end all the same
// (`no_exit_request` of its target/arm/translate.c), so the registers are kept as they were before it.
enum { kTornRegisters = kLr - kR0 + 1 + 2 + kS31 - kS0 + 1 + 1 };
typedef struct {
  bool is;
  uint32_t values[kTornRegisters];
} Torn;

struct Chip {
  Engine engine;
  BlockCounter* counter;
  Outside outside;
  Clock clock;
  Nvic nvic;
  SysTick systick;
  Line line;
  Usart usarts[kUsarts];
  uint32_t usart_bases[kUsarts];
  uint32_t usart_unmodelled[kUsartRegisters];  // by register, bits that have no effect here
  Dma dmas[kDmas];
  DmaOutside dma_outside;
  uint32_t dma_bases[kDmas];
  uint8_t asking[kMostRequests];  // `Asking`, of peripherals that are modelled in Python
  Gpio gpios[kGpios];             // A to K, at 0x40020000
  uint32_t rcc[kRccRegisters];    // as Python has them, for loads
  bool count_in_python;           // CYCCNT: somebody looks at each load;
  bool counting;                  // else it is `count`, and while counting
  uint64_t count, count_since;    // all cycles from `count_since` on
  Window windows[kWindows];
  Ram ram[kMostRams];
  int ram_count;
  uint8_t* pages;        // of 1 KiB, a bit each: reading from the peripheral there has no effect
  uint8_t* peripherals;  // likewise: there is one

  // The core, besides its registers.
  bool asleep, event_register, reset_requested, hold_exceptions;
  bool waits_for_event;   // it sleeps by WFE, not by WFI
  bool sleep_deep, deep;  // SCR.SLEEPDEEP; it sleeps so
  bool observed;          // somebody wants to see all: it runs in Python
  bool stale;             // the MPU was written
  bool sleep_on_exit;
  uint32_t vector_table;
  bool fpcar_set;
  uint32_t fpcar;
  uint32_t unwritable[kMostUnwritable][2];  // by the MPU: begin, end
  int unwritable_count;                     // -1: more than that
  Allowed allowed[kAllowedSlots];
  bool asks_each;  // what is allowed is not remembered

  bool read_moves;     // Python: what it has just read changes by itself, or by being read;
  Counts read_counts;  // where it counts, so
  bool access_active;  // the bus access under way, and the instruction that makes it
  uint32_t access_pc;

  Torn torn;
  StopKind stop_kind;
  uint32_t stop_address;
  int status;  // of Unicorn, for kStopStatus
  bool failed;

  Idle idle;
};

// On zeros, once `engine`, `counter`, `outside`, `line`, the RAM and the bases are there.
void chip_init(Chip* chip, uint64_t hertz);
void chip_free(Chip* chip);
uint64_t chip_cycles_now(const Chip* chip);

// Somebody wants the run to end before the next block: an event, an exception, Python. `idle.c` itself asks so by
// chip_stop_to_look().
static inline bool chip_stop_requested(const Chip* chip) { return chip->counter->limit_cycles == 0; }
static inline void chip_request_stop(Chip* chip) { chip->counter->limit_cycles = 0; }
static inline void chip_stop_to_look(Chip* chip) {
  if (chip->counter->limit_cycles) chip->counter->limit_cycles = 1;
}

const uint8_t* chip_memory(const Chip* chip, uint32_t address, uint32_t size);

// Why `chip_run` returned.
typedef enum {
  kRanToTime,
  kRanToCondition,
  kRanToStop,  // the core stopped at something that is Python's to handle
  kDeclined,   // the next round of the loop is Python's
  kFailed      // an exception of Python is set
} Ran;

// The loop of `Machine.run_until`.
Ran chip_run(Chip* chip, int64_t time_ps, bool has_condition);

// exceptions.c: false where that is to be done in Python; nothing has changed then.
bool exceptions_take_pending(Chip* chip, bool* taken);
bool exceptions_leave(Chip* chip, bool* thread);
bool exceptions_wakes(const Chip* chip);

// chip_dma.c
void chip_dma_init(Chip* chip);
// A stream's channel listens to a request, besides those that it listens to; false where there is no such one.
bool chip_connect_request(Chip* chip, uint64_t dma, uint64_t stream, uint64_t channel, uint64_t request);
// A peripheral in Python asks for transfers until further notice, for one, or for no more.
typedef enum { kAsksNot, kAsks, kAsksOnce } Asking;
void chip_ask(Chip* chip, int request, Asking asking);
void chip_request(void* chip, int usart, bool sends);

// bus.c: for the controllers.
void bus_read(Chip* chip, uint32_t address, uint32_t size, uint32_t* value);
void bus_write(Chip* chip, uint32_t address, uint32_t size, uint32_t value);

// bus.c: for Unicorn, with the window or chip as user data.
uint64_t bus_read_hook(void* engine, uint64_t offset, unsigned size, void* window);
void bus_write_hook(void* engine, uint64_t offset, unsigned size, uint64_t value, void* window);
bool bus_invalid_hook(void* engine, int type, uint64_t address, int size, int64_t value, void* chip);
void chip_interrupt_hook(void* engine, uint32_t number, void* chip);

// torn.c
void chip_tear(Chip* chip);
void chip_mend(Chip* chip);

// run.c: from PC to `limit_cycles`, or to what happens before; idle.c the same, with what comes round unchanged
// skipped.
StopKind chip_run_core(Chip* chip, uint64_t limit_cycles);
StopKind idle_run_core(Chip* chip, uint64_t limit_cycles);

#endif
