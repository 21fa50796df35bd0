#include "accesses.h"

#include <stdlib.h>
#include <string.h>

#define UNLIKELY(x) __builtin_expect(!!(x), 0)

// `Do` of accesses.py.
enum {
  kForget,
  kMove,
  kAdd,
  kSubtract,
  kReverseSubtract,
  kAnd,
  kOr,
  kXor,
  kClear,
  kNot,
  kMultiplyAdd,
  kMultiplySubtract,
  kShift,
  kExtend,
  kField,
  kDivide,
  kLoad,
  kStore,
  kValue,
  kKeep,
  kCompare,
  kCompareNegative,
  kTest,
  kTestEqual
};
enum { kLeft, kRight, kArithmetic, kRotate };
enum { kNone = 0xFF, kFlags = 48, kAlways = 14, kMostKept = 32 };

typedef struct {
  uint32_t address, size, value;
  bool known;
} Kept;

typedef struct {
  uint32_t* registers;
  uint32_t unknown;  // a bit a register of which nothing is known
  uint32_t n, z, c, v;
  bool flags_known, carry_known;  // carry stands for overflow too
  const GuestMemory* memories;
  size_t memory_count;
  Kept kept[kMostKept];  // a ring: of more stores in one block than this the oldest are forgotten
  uint32_t kept_count;
} State;

enum { kZero = 15 };  // no program reads PC as a register: its place holds 0 for whoever names none

static bool is_plain(const AccessStep* step) {
  const bool known = step->do_ == kMove || step->do_ == kAdd || step->do_ == kSubtract || step->do_ == kLoad ||
                     step->do_ == kStore;
  return known && step->condition == kAlways && step->shift_kind == kLeft && step->shift < 32;
}

AccessProgram* access_program(const uint8_t* packed, size_t bytes) {
  if (bytes < sizeof(uint32_t) + sizeof(AccessStep)) return NULL;
  const size_t count = (bytes - sizeof(uint32_t)) / sizeof(AccessStep);
  AccessProgram* program = malloc(sizeof *program + count * sizeof(AccessStep));
  if (!program) abort();
  memcpy(&program->needed, packed, sizeof program->needed);
  program->count = count;
  memcpy(program->steps, packed + sizeof(uint32_t), count * sizeof(AccessStep));
  program->plain = true;
  for (size_t i = 0; i < count; ++i) program->plain = program->plain && is_plain(&program->steps[i]);
  for (size_t i = 0; program->plain && i < count; ++i) {
    if (program->steps[i].n == kNone) program->steps[i].n = kZero;
    if (program->steps[i].m == kNone) program->steps[i].m = kZero;
  }
  return program;
}

static uint32_t shifted(uint32_t value, uint32_t kind, uint32_t by) {
  if (by == 0) return value;
  switch (kind) {
    case kLeft:
      return by < 32 ? value << by : 0;
    case kRight:
      return by < 32 ? value >> by : 0;
    case kArithmetic:
      return (uint32_t)((int32_t)value >> (by < 32 ? by : 31));
    default:
      by &= 31;
      return by ? value >> by | value << (32 - by) : value;
  }
}

static uint32_t extended(uint32_t value, uint32_t bits, bool is_signed) {
  if (bits >= 32) return value;
  value &= (1u << bits) - 1;
  return is_signed && value >> (bits - 1) ? value | ~0u << bits : value;
}

static bool is_unknown(const State* state, uint32_t reg) { return reg != kNone && state->unknown >> reg & 1; }

static uint32_t value_of(const State* state, uint32_t reg) { return reg == kNone ? 0 : state->registers[reg]; }

// DDI 0403E A7.3.1. False in `known` where it hangs on flags that nobody knows.
static bool holds(const State* state, uint32_t condition, bool* known) {
  *known = state->flags_known && (state->carry_known || condition < 2 || condition == 4 || condition == 5);
  bool result;
  switch (condition >> 1) {
    case 0:
      result = state->z;
      break;
    case 1:
      result = state->c;
      break;
    case 2:
      result = state->n;
      break;
    case 3:
      result = state->v;
      break;
    case 4:
      result = state->c && !state->z;
      break;
    case 5:
      result = state->n == state->v;
      break;
    case 6:
      result = state->n == state->v && !state->z;
      break;
    default:
      return true;
  }
  return result != (condition & 1);
}

static void set_result(State* state, uint32_t result) {
  state->n = result >> 31;
  state->z = result == 0;
}

static void compare(State* state, uint32_t left, uint32_t right, uint32_t carry_in) {
  const uint64_t wide = (uint64_t)left + right + carry_in;
  const uint32_t result = (uint32_t)wide;
  set_result(state, result);
  state->c = wide >> 32 & 1;
  state->v = (~(left ^ right) & (left ^ result)) >> 31;
}

static void keep(State* state, const AccessStep* step, uint32_t address, bool address_known) {
  Kept* entry = &state->kept[state->kept_count++ % kMostKept];
  entry->address = address;
  entry->size = address_known ? step->size : 0;  // one that went nobody knows where is taken to be elsewhere
  entry->known = step->extra != kNone && !is_unknown(state, step->extra);
  entry->value = entry->known ? extended(state->registers[step->extra], 8 * step->size, false) : 0;
}

// The value at an address, as the block will find it there.
static bool find(const State* state, uint32_t address, uint32_t size, uint32_t* value) {
  const uint32_t oldest = state->kept_count > kMostKept ? state->kept_count - kMostKept : 0;
  for (uint32_t i = state->kept_count; i-- > oldest;) {
    const Kept* entry = &state->kept[i % kMostKept];
    if (address + size <= entry->address || entry->address + entry->size <= address) continue;
    *value = entry->value;
    return entry->known && entry->address == address && entry->size == size;
  }
  for (size_t i = 0; i < state->memory_count; ++i) {
    const GuestMemory* memory = &state->memories[i];
    if (address < memory->begin || address > memory->end - size) continue;
    *value = 0;
    memcpy(value, memory->host + (address - memory->begin), size);
    return true;
  }
  return false;  // a peripheral's register must not be read twice
}

static void set(State* state, const AccessStep* step, uint32_t value) {
  state->registers[step->target] = value;
  state->unknown &= ~(1u << step->target);
}

static void forget(State* state, uint32_t target) {
  if (target == kFlags)
    state->flags_known = false;
  else if (target != kNone)
    state->unknown |= 1u << target;
}

static void calculate(State* state, const AccessStep* step, uint32_t x) {
  const uint32_t n = value_of(state, step->n);
  switch (step->do_) {
    case kMove:
      set(state, step, x);
      break;
    case kAdd:
      set(state, step, n + x);
      break;
    case kSubtract:
      set(state, step, n - x);
      break;
    case kReverseSubtract:
      set(state, step, x - n);
      break;
    case kAnd:
      set(state, step, n & x);
      break;
    case kOr:
      set(state, step, n | x);
      break;
    case kXor:
      set(state, step, n ^ x);
      break;
    case kClear:
      set(state, step, n & ~x);
      break;
    case kNot:
      set(state, step, ~x);
      break;
    case kMultiplyAdd:
      set(state, step, n * x + value_of(state, step->extra));
      break;
    case kMultiplySubtract:
      set(state, step, value_of(state, step->extra) - n * x);
      break;
    case kShift:
      set(state, step, shifted(n, step->shift_kind, value_of(state, step->m) & 0xFF));
      break;
    case kExtend:
      x = shifted(value_of(state, step->m), kRotate, step->shift);
      set(state, step, n + extended(x, 8 * step->size, step->is_signed));
      break;
    case kField:
      set(state, step, extended(n >> step->shift, step->size, step->is_signed));
      break;
    case kDivide:
      if (x == 0)
        set(state, step, 0);
      else if (!step->is_signed)
        set(state, step, n / x);
      else
        set(state, step, n == 0x80000000u && x == ~0u ? n : (uint32_t)((int32_t)n / (int32_t)x));
      break;
    default:
      state->flags_known = true;
      state->carry_known = step->do_ < kTest;
      if (step->do_ == kCompare)
        compare(state, n, ~x, 1);
      else if (step->do_ == kCompareNegative)
        compare(state, n, x, 0);
      else
        set_result(state, step->do_ == kTest ? n & x : n ^ x);
  }
}

static uint32_t run_any(const AccessProgram* program, uint32_t registers[kProgramRegisters], uint32_t apsr,
                        const GuestMemory* memories, size_t memory_count, AccessFunction access, void* context) {
  State state;
  state.registers = registers;
  state.unknown = 0;
  state.n = apsr >> 31;
  state.z = apsr >> 30 & 1;
  state.c = apsr >> 29 & 1;
  state.v = apsr >> 28 & 1;
  state.flags_known = state.carry_known = true;
  state.memories = memories;
  state.memory_count = memory_count;
  state.kept_count = 0;
  uint32_t unresolved = 0;
  for (const AccessStep *step = program->steps, *end = step + program->count; step < end; ++step) {
    const bool is_access = step->do_ == kLoad || step->do_ == kStore;
    if (UNLIKELY(step->condition != kAlways)) {
      bool known;
      const bool runs = holds(&state, step->condition, &known);
      if (!known) {
        unresolved += is_access;
        forget(&state, step->do_ >= kCompare ? kFlags : step->target);
        continue;
      }
      if (!runs) continue;
    }
    const uint32_t x =
        (step->m == kNone ? 0 : shifted(registers[step->m], step->shift_kind, step->shift)) + step->constant;
    const bool known = !is_unknown(&state, step->n) && !is_unknown(&state, step->m);
    const uint32_t address = value_of(&state, step->n) + x;
    if (is_access) {
      if (known)
        access(context, address, step->size, step->do_ == kStore);
      else
        ++unresolved;
    } else if (step->do_ == kKeep) {
      keep(&state, step, address, known);
    } else if (step->do_ == kForget || !known || (step->do_ < kLoad && is_unknown(&state, step->extra))) {
      forget(&state, step->do_ >= kCompare ? kFlags : step->target);
    } else if (step->do_ == kValue) {
      uint32_t value;
      if (find(&state, address, step->size, &value))
        set(&state, step, extended(value, 8 * step->size, step->is_signed));
      else
        forget(&state, step->target);
    } else {
      calculate(&state, step, x);
    }
  }
  return unresolved;
}

// A constant `access` makes a copy of its own, without the call.
static inline __attribute__((always_inline)) void run_plain(const AccessProgram* program,
                                                            uint32_t registers[kProgramRegisters],
                                                            AccessFunction access, void* context) {
  registers[kZero] = 0;
  for (const AccessStep *step = program->steps, *end = step + program->count; step < end; ++step) {
    const uint32_t n = registers[step->n], x = (registers[step->m] << step->shift) + step->constant;
    switch (step->do_) {
      case kMove:
        registers[step->target] = x;
        break;
      case kAdd:
        registers[step->target] = n + x;
        break;
      case kSubtract:
        registers[step->target] = n - x;
        break;
      default:
        access(context, n + x, step->size, step->do_ == kStore);
    }
  }
}

uint32_t access_program_run(const AccessProgram* program, uint32_t registers[kProgramRegisters], uint32_t apsr,
                            const GuestMemory* memories, size_t memory_count, AccessFunction access,
                            void* context) {
  if (program->plain) {
    run_plain(program, registers, access, context);
    return 0;
  }
  return run_any(program, registers, apsr, memories, memory_count, access, context);
}

static inline void time_access(void* memory, uint32_t address, uint32_t size, bool is_store) {
  memory_access(memory, address, size, is_store);
}

uint32_t access_program_time(const AccessProgram* program, uint32_t registers[kProgramRegisters], uint32_t apsr,
                             const GuestMemory* memories, size_t memory_count, Memory* memory) {
  if (!program->plain) return run_any(program, registers, apsr, memories, memory_count, time_access, memory);
  run_plain(program, registers, time_access, memory);
  return 0;
}
