#include "usart.h"

#include <stdlib.h>
#include <string.h>

enum {
  kCr1 = 0x00,
  kCr2 = 0x04,
  kCr3 = 0x08,
  kBrr = 0x0C,
  kRqr = 0x18,
  kIsr = 0x1C,
  kIcr = 0x20,
  kRdr = 0x24,
  kTdr = 0x28
};

enum { kCr1Ue = 1 << 0, kCr1Re = 1 << 2, kCr1Te = 1 << 3, kCr1PeIe = 1 << 8, kCr1InterruptEnables = 0x1F0 };
enum { kCr1CmIe = 1 << 14, kCr1RtoIe = 1 << 26, kCr2RtoEn = 1 << 23, kRtof = 1 << 11, kCmf = 1 << 17 };
enum { kCr3Eie = 1 << 0, kCr3Dmar = 1 << 6, kCr3Dmat = 1 << 7, kCr3OvrDis = 1 << 12, kCr3Ddre = 1 << 13 };
enum { kRqrRxfrq = 1 << 3, kRqrTxfrq = 1 << 4 };
enum { kPe = 1 << 0, kFe = 1 << 1, kOre = 1 << 3, kIdle = 1 << 4, kRxne = 1 << 5, kTc = 1 << 6, kTxe = 1 << 7 };
enum { kBusy = 1 << 16, kTeack = 1 << 21, kReack = 1 << 22, kIsrReset = 0x020000C0 };
enum { kIcrClears = 0x00020B5F & ~(kRxne | kTxe) };

static uint32_t* reg(Usart* self, uint32_t offset) { return &self->registers[offset / 4 % kUsartRegisters]; }

static uint32_t get(const Usart* self, uint32_t offset) { return self->registers[offset / 4 % kUsartRegisters]; }

static bool know_timing(Usart* self) {
  if (self->timing_known) return true;
  self->timing_known = true;
  return self->line->timing(self->line->of, self->index, &self->timing);
}

// TXE follows TDR; the interrupt line follows the flags (RM0385 table 188).
static void update(Usart* self) {
  uint32_t flags = get(self, kIsr) & ~(uint32_t)(kTxe | kBusy);
  if (self->waiting < 0) flags |= kTxe;
  if (self->arrival) flags |= kBusy;
  *reg(self, kIsr) = flags;
  const uint32_t control = get(self, kCr1);
  const bool active = flags & control & (kIdle | kTc | kTxe) ||  // their enable bits stand in the same places
                      (flags & (kRxne | kOre) && control & kRxne) || (flags & kPe && control & kCr1PeIe) ||
                      (flags & (kFe | kOre) && get(self, kCr3) & kCr3Eie) ||
                      (flags & kRtof && control & kCr1RtoIe) || (flags & kCmf && control & kCr1CmIe);
  nvic_set_line(self->nvic, self->interrupt, active);
  for (int sends = 0; sends < 2; ++sends)
    if (usart_asks(self, sends)) self->request(self->request_of, self->index, sends);
}

bool usart_asks(const Usart* self, bool sends) {
  const uint32_t wanted = kCr1Ue | (sends ? kCr1Te : kCr1Re);
  return get(self, kIsr) & (sends ? kTxe : kRxne) && get(self, kCr3) & (sends ? kCr3Dmat : kCr3Dmar) &&
         (get(self, kCr1) & wanted) == wanted;
}

void usart_reset(Usart* self) {
  memset(self->registers, 0, sizeof self->registers);
  *reg(self, kIsr) = kIsrReset;
  clock_cancel(self->clock, self->arrival);
  clock_cancel(self->clock, self->idle);
  clock_cancel(self->clock, self->timeout);
  clock_cancel(self->clock, self->transmission);
  self->arrival = self->idle = self->timeout = self->transmission = 0;
  self->incoming_first = self->incoming_count = 0;
  self->shifting = self->waiting = -1;
  self->timing_known = false;
  nvic_set_line(self->nvic, self->interrupt, false);
}

void usart_free(Usart* self) { free(self->incoming); }

// Receiver

static bool expect(Usart* self) {
  if (!self->incoming_count || self->arrival) return true;
  if (!know_timing(self)) return false;
  // Else the other end waits for a rate to follow.
  if (self->timing.line_ps) {
    self->arrival = clock_after(self->clock, self->timing.line_ps, usart_arrive, self, 0);
    clock_cancel(self->clock, self->timeout);  // by the start bit
  }
  return true;
}

bool usart_becomes_idle(void* of, uint64_t unused) {
  Usart* self = of;
  (void)unused;
  *reg(self, kIsr) |= kIdle;
  update(self);
  return true;
}

bool usart_times_out(void* of, uint64_t unused) {
  Usart* self = of;
  const uint32_t wanted = kCr1Ue | kCr1Re;
  (void)unused;
  if ((get(self, kCr1) & wanted) != wanted || !(get(self, kCr2) & kCr2RtoEn)) return true;
  *reg(self, kIsr) |= kRtof;
  update(self);
  return true;
}

static void take(Usart* self, uint32_t byte, bool stop_bit) {
  if (get(self, kIsr) & kRxne && !(get(self, kCr3) & kCr3OvrDis)) {
    *reg(self, kIsr) |= kOre;
  } else {
    *reg(self, kRdr) = byte;
    // A frame with an error is not handed to DMA, which goes on with the next (RM0385 31.8.3, DDRE).
    const bool keeps = !(get(self, kCr3) & kCr3Dmar) || get(self, kCr3) & kCr3Ddre;
    *reg(self, kIsr) |= (stop_bit || keeps ? kRxne : 0u) | (stop_bit ? 0u : kFe);
  }
  if (byte == get(self, kCr2) >> 24) *reg(self, kIsr) |= kCmf;
  if (self->timing.timeout_ps) {
    clock_cancel(self->clock, self->timeout);
    self->timeout = clock_after(self->clock, self->timing.timeout_ps, usart_times_out, self, 0);
  }
  clock_cancel(self->clock, self->idle);
  self->idle = clock_after(self->clock, self->timing.own_ps, usart_becomes_idle, self, 0);
  update(self);
}

bool usart_arrive(void* of, uint64_t unused) {
  Usart* self = of;
  (void)unused;
  uint32_t byte = self->incoming[self->incoming_first++];
  if (!--self->incoming_count) self->incoming_first = 0;
  self->arrival = 0;
  const uint32_t wanted = kCr1Ue | kCr1Re;
  if ((get(self, kCr1) & wanted) == wanted) {
    if (!know_timing(self)) return false;
    if (self->timing.own_ps) {
      bool stop_bit = true;
      if (!self->timing.receives_clean &&
          !self->line->crossing(self->line->of, self->index, false, &byte, &stop_bit))
        return false;
      take(self, byte, stop_bit);
    }
  }
  return expect(self);
}

void usart_queue(Usart* self, const uint8_t* bytes, size_t count) {
  if (self->incoming_first) memmove(self->incoming, self->incoming + self->incoming_first, self->incoming_count);
  self->incoming_first = 0;
  if (self->incoming_count + count > self->incoming_room) {
    self->incoming_room = 2 * (self->incoming_count + count);
    self->incoming = realloc(self->incoming, self->incoming_room);
    if (!self->incoming) abort();
  }
  if (count) memcpy(self->incoming + self->incoming_count, bytes, count);
  self->incoming_count += count;
}

bool usart_feed(Usart* self, const uint8_t* bytes, size_t count) {
  usart_queue(self, bytes, count);
  return expect(self);
}

// Transmitter

static bool shift(Usart* self) {
  const uint32_t wanted = kCr1Ue | kCr1Te;
  if (self->shifting >= 0 || self->waiting < 0 || (get(self, kCr1) & wanted) != wanted) return true;
  if (!know_timing(self)) return false;
  if (!self->timing.own_ps) return true;
  self->shifting = self->waiting;
  self->waiting = -1;
  self->transmission = clock_after(self->clock, self->timing.own_ps, usart_shifted, self, 0);
  return true;
}

bool usart_shifted(void* of, uint64_t unused) {
  Usart* self = of;
  (void)unused;
  uint32_t byte = (uint32_t)self->shifting;
  self->shifting = -1;
  if (!know_timing(self)) return false;
  bool stop_bit;
  if (!self->timing.sends_clean && !self->line->crossing(self->line->of, self->index, true, &byte, &stop_bit))
    return false;
  if (!self->line->transmitted(self->line->of, self->index, byte & 0xFF) || !shift(self)) return false;
  if (self->shifting < 0 && self->waiting < 0) *reg(self, kIsr) |= kTc;
  update(self);
  return true;
}

static bool transmit(Usart* self, uint32_t value) {
  *reg(self, kIsr) &= ~(uint32_t)kTc;
  if (!know_timing(self)) return false;
  self->waiting = (int32_t)(value & self->timing.data_mask);
  return shift(self);
}

// Registers

bool usart_reads_stay(const Usart* self, uint32_t offset) { return offset != kRdr || !(get(self, kIsr) & kRxne); }

uint32_t usart_read(Usart* self, uint32_t offset) {
  const uint32_t value = get(self, offset);
  if (offset == kRdr) {
    *reg(self, kIsr) &= ~(uint32_t)kRxne;
    update(self);
  } else if (offset == kTdr || offset == kRqr || offset == kIcr) {
    return 0;
  }
  return value;
}

static bool enable(Usart* self, uint32_t control) {
  uint32_t flags = get(self, kIsr) & ~(uint32_t)(kTeack | kReack);
  if (control & kCr1Ue) {
    flags |= (control & kCr1Te ? kTeack : 0u) | (control & kCr1Re ? kReack : 0u);
  } else {
    flags = kIsrReset;  // (RM0385 31.8.1, UE)
    self->waiting = -1;
  }
  *reg(self, kIsr) = flags;
  return shift(self);
}

static bool configure(Usart* self, uint32_t offset, uint32_t value) {
  const uint32_t changed = get(self, offset) ^ value;
  if (offset == kCr1 ? changed & ~(uint32_t)kCr1InterruptEnables : changed) self->timing_known = false;
  *reg(self, offset) = value;
  return (offset != kCr1 || enable(self, value)) && expect(self);
}

bool usart_write(Usart* self, uint32_t offset, uint32_t value) {
  bool well = true;
  if (offset == kTdr) {
    well = transmit(self, value);
  } else if (offset == kIcr) {
    *reg(self, kIsr) &= ~(value & (uint32_t)kIcrClears);
  } else if (offset == kRqr) {
    if (value & kRqrRxfrq) *reg(self, kIsr) &= ~(uint32_t)kRxne;
    if (value & kRqrTxfrq) self->waiting = -1;
  } else if (offset != kIsr && offset != kRdr) {
    well = configure(self, offset, value);
  }
  update(self);
  return well;
}
