// A round is run with numbers that follow the counter: each register holds a constant, or the counter or its
// negative plus one. Sums and differences keep that form, and a comparison of such a number with a constant holds
// for one stretch of the counter's values. An instruction that does not keep it is none that is known here (DDI
// 0403E A7.7).
#include "spin.h"

#include <string.h>

typedef struct {
  int slope;       // how often the counter is in it: -1, 0, 1
  uint32_t value;  // with the counter as the last round read it
} Number;

typedef struct {
  Number registers[15];
  uint32_t written, read_first;
  Number left, right;  // what the flags compare
  bool compared;
  int64_t ticks;
  const SpinCounter* counter;
  int counter_reads;
  const uint8_t* (*memory)(const void* of, uint32_t address, uint32_t size);
  const void* of;
} Spin;

enum { kLink = 14, kProgramCounter = 15, kEq = 0, kNe, kCs, kCc, kMi, kPl, kVs, kVc, kHi, kLs, kGe, kLt, kGt, kLe };

static Number constant(uint32_t value) { return (Number){0, value}; }

static Number get(Spin* self, uint32_t number) {
  if (!(self->written >> number & 1)) self->read_first |= 1u << number;
  return self->registers[number];
}

static bool set(Spin* self, uint32_t number, Number value) {
  if (number >= kProgramCounter || number == 13) return false;
  self->registers[number] = value;
  self->written |= 1u << number;
  return value.slope >= -1 && value.slope <= 1;
}

static Number sum(Number a, Number b) { return (Number){a.slope + b.slope, a.value + b.value}; }

static Number difference(Number a, Number b) { return (Number){a.slope - b.slope, a.value - b.value}; }

static void compare(Spin* self, Number left, Number right) {
  self->left = left;
  self->right = right;
  self->compared = true;
}

static bool add(Spin* self, uint32_t to, Number a, Number b, bool flags) {
  if (flags) self->compared = false;
  return set(self, to, sum(a, b));
}

static bool subtract(Spin* self, uint32_t to, Number a, Number b, bool flags) {
  if (flags) compare(self, a, b);
  return set(self, to, difference(a, b));
}

static bool move(Spin* self, uint32_t to, Number value, bool flags) {
  if (flags) self->compared = false;
  return set(self, to, value);
}

// A word from the counter, or from memory, which the loop leaves as it is.
static bool load(Spin* self, uint32_t to, Number address) {
  if (address.slope) return false;
  if (address.value == self->counter->address) {
    ++self->counter_reads;
    return set(self, to, (Number){self->counter->slope, self->counter->value});
  }
  const uint8_t* word = self->memory(self->of, address.value, 4);
  if (!word) return false;
  return set(self, to,
             constant(word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 | (uint32_t)word[3] << 24));
}

static bool holds(uint32_t condition, uint32_t a, uint32_t b) {
  const bool less = (int32_t)a < (int32_t)b;
  switch (condition & ~1u) {
    case kEq:
      return (a == b) == (condition == kEq);
    case kCs:
      return (a >= b) == (condition == kCs);
    case kMi:
      return ((a - b) >> 31 == 1) == (condition == kMi);
    case kHi:
      return (a > b) == (condition == kHi);
    case kGe:
      return !less == (condition == kGe);
    default:
      return ((int32_t)a > (int32_t)b) == (condition == kGt);
  }
}

static void at_most(Spin* self, int64_t ticks) {
  if (self->ticks == kNeverEnds || ticks < self->ticks) self->ticks = ticks;
}

// The branch goes the same way as long as the condition is `taken`.
static bool branch(Spin* self, uint32_t condition, bool taken) {
  if (!self->compared || condition == kVs || condition == kVc) return false;
  Number a = self->left, b = self->right;
  if (condition == kMi || condition == kPl) {  // of a sum too: the sign of the difference
    a = difference(a, b);
    b = constant(0);
    condition = condition == kMi ? kLt : kGe;
  }
  if (a.slope && b.slope) return false;
  if (holds(condition, a.value, b.value) != taken) return false;
  if (!a.slope && !b.slope) return true;
  if (a.slope < -1 || a.slope > 1 || condition == kEq || condition == kNe) return false;
  // As "the moving number is below the constant", unsigned: a constant on the left turns the comparison round.
  const bool is_signed = condition >= kGe;
  const bool moves_right = b.slope != 0;
  const uint32_t bias = is_signed ? UINT32_C(1) << 31 : 0;
  const uint64_t now = (uint32_t)((moves_right ? b.value : a.value) + bias);
  const uint64_t other = (uint32_t)((moves_right ? a.value : b.value) + bias);
  bool below = condition == kCc || condition == kLs || condition == kLt || condition == kLe;
  bool or_equal = condition == kCs || condition == kLs || condition == kGe || condition == kLe;
  if (!taken) {
    below = !below;
    or_equal = !or_equal;
  }
  if (moves_right) below = !below;
  const uint64_t lowest = below ? 0 : other + !or_equal, highest = below ? other - !or_equal : UINT32_MAX;
  at_most(self, (int64_t)((moves_right ? b.slope : a.slope) > 0 ? highest - now + 1 : now - lowest + 1));
  return true;
}

// DDI 0403E A5.3.2.
static uint32_t expanded(uint32_t first, uint32_t second) {
  const uint32_t code = (first >> 10 & 1) << 3 | (second >> 12 & 7), byte = second & 0xFF;
  const uint32_t patterns[] = {byte, byte << 16 | byte, byte << 24 | byte << 8, byte * 0x01010101u};
  if (code < 4) return patterns[code];
  const uint32_t rotation = code << 1 | byte >> 7, value = byte | 0x80;
  return value >> rotation | value << (32 - rotation);
}

static uint32_t plain_immediate(uint32_t first, uint32_t second) {
  return (first >> 10 & 1) << 11 | (second >> 12 & 7) << 8 | (second & 0xFF);
}

static bool run_narrow(Spin* self, uint32_t code, uint32_t pc, uint32_t next) {
  const uint32_t low = code & 7, middle = code >> 3 & 7, high = code >> 6 & 7, wide = code >> 8 & 7;
  const uint32_t any = low | (code >> 4 & 8), source = code >> 3 & 15;
  const Number byte = constant(code & 0xFF);
  switch (code >> 11) {
    case 0x00:  // MOVS
      return code >> 6 == 0 && move(self, low, get(self, middle), true);
    case 0x03: {
      const Number second = code >> 10 & 1 ? constant(high) : get(self, high);
      return code >> 9 & 1 ? subtract(self, low, get(self, middle), second, true)
                           : add(self, low, get(self, middle), second, true);
    }
    case 0x04:
      return move(self, wide, byte, true);
    case 0x05:
      compare(self, get(self, wide), byte);
      return true;
    case 0x06:
      return add(self, wide, get(self, wide), byte, true);
    case 0x07:
      return subtract(self, wide, get(self, wide), byte, true);
    case 0x08:
      if (code >> 6 == 0x10A) {
        compare(self, get(self, low), get(self, middle));
        return true;
      }
      if (source == kProgramCounter || any == kProgramCounter || code >> 10 != 0x11) return false;
      switch (code >> 8 & 3) {
        case 0:
          return add(self, any, get(self, any), get(self, source), false);
        case 1:
          compare(self, get(self, any), get(self, source));
          return true;
        case 2:
          return move(self, any, get(self, source), false);
        default:
          return !(code >> 7 & 1) && !get(self, source).slope;  // BX
      }
    case 0x09:
      return load(self, wide, constant(((pc + 4) & ~3u) + 4 * (code & 0xFF)));
    case 0x0D:
      return load(self, low, sum(get(self, middle), constant(4 * (code >> 6 & 31))));
    case 0x13:
      return load(self, wide, sum(get(self, 13), constant(4 * (code & 0xFF))));
    case 0x17:
      return code == 0xBF00;
    case 0x1A:
    case 0x1B: {
      const uint32_t condition = code >> 8 & 15, target = pc + 4 + 2 * (uint32_t)(int8_t)(code & 0xFF);
      return condition < 14 && target != pc + 2 && branch(self, condition, next == target);
    }
    default:
      return code >> 11 == 0x1C;  // B
  }
}

static bool run_wide(Spin* self, uint32_t first, uint32_t second, uint32_t pc, uint32_t next) {
  const uint32_t n = first & 15, d = second >> 8 & 15, m = second & 15, t = second >> 12;
  const bool flags = first >> 4 & 1;
  if (first >> 11 == 0x1E && second >> 15) {  // branches
    if (second >> 12 & 1) {                   // B.W, BL
      return !(second >> 14 & 1) || (second >> 14 == 3 && set(self, kLink, constant((pc + 4) | 1)));
    }
    const uint32_t condition = first >> 6 & 15;
    if (second >> 14 & 1 || condition >= 14) return false;
    const uint32_t high = (first >> 10 & 1) * 0xFFF00000u | (second >> 11 & 1) << 19 | (second >> 13 & 1) << 18;
    const uint32_t target = pc + 4 + (high | (first & 63) << 12 | (second & 0x7FF) << 1);
    return target != pc + 4 && branch(self, condition, next == target);
  }
  if (first == 0xF8DF || first == 0xF85F) {
    const uint32_t base = (pc + 4) & ~3u, offset = second & 0xFFF;
    return load(self, t, constant(first >> 7 & 1 ? base + offset : base - offset));
  }
  if (first >> 4 == 0xF8D)
    return n != kProgramCounter && load(self, t, sum(get(self, n), constant(second & 0xFFF)));
  const bool by_register = first >> 9 == 0x75,
             modified = first >> 11 == 0x1E && !(first >> 9 & 1) && !(second >> 15);
  if (by_register && (second & 0x70F0 || m == kProgramCounter)) return false;  // shifted
  if (!by_register && !modified) {
    if (first >> 11 != 0x1E || second >> 15) return false;
    const uint32_t value = plain_immediate(first, second);
    switch (first >> 4 & 0x1F) {  // ADDW, MOVW, SUBW
      case 0x00:
        return n != kProgramCounter && add(self, d, get(self, n), constant(value), false);
      case 0x04:
        return move(self, d, constant(n << 12 | value), false);
      case 0x0A:
        return n != kProgramCounter && subtract(self, d, get(self, n), constant(value), false);
      default:
        return false;
    }
  }
  const Number operand = by_register ? get(self, m) : constant(expanded(first, second));
  if ((first >> 5 & 15) == 2) return n == kProgramCounter && !flags && move(self, d, operand, false);  // MOV
  if (n == kProgramCounter) return false;
  switch (first >> 5 & 15) {
    case 8:
      return add(self, d, get(self, n), operand, flags);
    case 13:
      if (d == kProgramCounter && flags) {
        compare(self, get(self, n), operand);
        return true;
      }
      return subtract(self, d, get(self, n), operand, flags);
    case 14:
      return subtract(self, d, operand, get(self, n), flags);
    default:
      return false;
  }
}

static bool run_block(Spin* self, const Block* block, uint32_t next) {
  const uint8_t* code = self->memory(self->of, block->address, block->size);
  if (!code) return false;
  for (uint32_t at = 0; at + 1 < block->size;) {
    const uint32_t first = code[at] | (uint32_t)code[at + 1] << 8, pc = block->address + at;
    if (first >= 0xE800) {
      if (at + 3 >= block->size) return false;
      const uint32_t second = code[at + 2] | (uint32_t)code[at + 3] << 8;
      if (!run_wide(self, first, second, pc, next)) return false;
      at += 4;
    } else {
      if (!run_narrow(self, first, pc, next)) return false;
      at += 2;
    }
  }
  return true;
}

int64_t spin_ticks(Edge* const* edges, int count, const uint32_t registers[15], const SpinCounter* counter,
                   const uint8_t* (*memory)(const void* of, uint32_t address, uint32_t size), const void* of) {
  Spin spin;
  memset(&spin, 0, sizeof spin);
  spin.ticks = kNeverEnds;
  spin.counter = counter;
  spin.memory = memory;
  spin.of = of;
  for (int i = 0; i < 15; ++i) spin.registers[i] = constant(registers[i]);
  for (int i = 0; i < count; ++i)
    if (!run_block(&spin, edges[i]->to, edges[(i + 1) % count]->to->address)) return 0;
  if (spin.counter_reads != 1) return 0;
  // What a round takes over from the one before has to be the same in each.
  for (int i = 0; i < 15; ++i) {
    const Number end = spin.registers[i];
    if (spin.read_first >> i & 1 && (end.slope || end.value != registers[i])) return 0;
  }
  return spin.ticks;
}
