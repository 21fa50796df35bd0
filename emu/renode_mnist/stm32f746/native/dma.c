#include "dma.h"

#include <string.h>

enum { kLisr = 0x00, kHisr = 0x04, kLifcr = 0x08, kHifcr = 0x0C, kFirstStream = 0x10, kStreamBytes = 0x18 };
enum { kCr = 0x00, kNdtr = 0x04, kPar = 0x08, kM0ar = 0x0C, kM1ar = 0x10, kFcr = 0x14 };
enum { kEn = 1 << 0, kPfctrl = 1 << 5, kCirc = 1 << 8, kPinc = 1 << 9, kMinc = 1 << 10, kPincos = 1 << 15 };
enum { kDbm = 1 << 18, kCt = 1 << 19, kBursts = 15 << 21, kCrWritable = 0x0FEFFFFF, kCrWhileEnabled = 31 };
enum { kFcrReset = 0x21, kFcrWritable = 0x87, kFcrWhileEnabled = 0x80, kDmdis = 1 << 2, kFeie = 1 << 7 };
enum { kFsEmpty = 4 << 3 };
enum { kFe = 1 << 0, kDme = 1 << 2, kTe = 1 << 3, kHt = 1 << 4, kTc = 1 << 5 };
enum { kAllFlags = kFe | kDme | kTe | kHt | kTc, kAtOnce = 4 };
enum { kMemoryToPeripheral = 1, kMemoryToMemory = 2 };
static const int kPlaces[] = {0, 6, 16, 22};  // of a stream's flags

static uint32_t direction(const DmaStream* stream) { return stream->cr >> 6 & 3; }

static bool is_direct(const DmaStream* stream) {
  return !(stream->fcr & kDmdis) && direction(stream) != kMemoryToMemory;
}

static uint32_t bytes_of(uint32_t size) { return 1u << (size < 2 ? size : 2); }

static uint32_t peripheral_bytes(const DmaStream* stream) { return bytes_of(stream->cr >> 11 & 3); }

static uint32_t memory_bytes(const DmaStream* stream) {
  return is_direct(stream) ? peripheral_bytes(stream) : bytes_of(stream->cr >> 13 & 3);
}

static bool comes_round(const DmaStream* stream) {
  return stream->cr & (kCirc | kDbm) && !(stream->cr & kPfctrl) && direction(stream) != kMemoryToMemory;
}

static void begin(DmaStream* stream) {
  stream->peripheral_at = stream->par;
  stream->memory_at = stream->cr & kDbm && stream->cr & kCt ? stream->m1ar : stream->m0ar;
}

static const int16_t* requests_of(const Dma* self, int number) {
  return self->requests[number][self->streams[number].cr >> 25 & 7];
}

static void drive(Dma* self, int number) {
  const DmaStream* stream = &self->streams[number];
  const uint32_t enabled = (stream->cr & 0x1E) << 1;  // DMEIE to TCIE: their flags stand one bit higher
  nvic_set_line(self->nvic, self->interrupts[number],
                stream->flags & enabled || (stream->flags & kFe && stream->fcr & kFeie));
}

void dma_reset(Dma* self) {
  memset(self->streams, 0, sizeof self->streams);
  for (int number = 0; number < kDmaStreams; ++number) {
    self->streams[number].fcr = kFcrReset;
    nvic_set_line(self->nvic, self->interrupts[number], false);
  }
}

// Transfers

static void fail(Dma* self, int number, uint32_t address) {
  DmaStream* stream = &self->streams[number];
  stream->cr &= ~(uint32_t)kEn;
  stream->flags |= kTe;
  drive(self, number);
  self->outside->say(self->outside->of, self->index, number, true, address);
}

// Into the FIFO.
static bool take(Dma* self, int number, uint32_t address, uint32_t size) {
  DmaStream* stream = &self->streams[number];
  uint32_t value = 0;
  if (!self->outside->read(self->outside->of, address, size, &value)) {
    fail(self, number, address);
    return false;
  }
  for (uint32_t i = 0; i < size; ++i) stream->fifo[stream->fifo_count++ % kMostInFifo] = (uint8_t)(value >> 8 * i);
  return true;
}

// Out of it.
static bool put(Dma* self, int number, uint32_t address, uint32_t size) {
  DmaStream* stream = &self->streams[number];
  uint32_t value = 0;
  const uint32_t there = size < stream->fifo_count ? size : stream->fifo_count;
  for (uint32_t i = 0; i < there; ++i) value |= (uint32_t)stream->fifo[i] << 8 * i;
  stream->fifo_count = (uint8_t)(stream->fifo_count - there);
  memmove(stream->fifo, stream->fifo + there, stream->fifo_count);
  if (self->outside->write(self->outside->of, address, size, value)) return true;
  fail(self, number, address);
  return false;
}

// What is left in the FIFO goes to memory byte by byte (RM0385 8.3.11, flush).
static void empty(Dma* self, int number) {
  DmaStream* stream = &self->streams[number];
  if (direction(stream) != kMemoryToPeripheral)
    while (stream->fifo_count && put(self, number, stream->memory_at, 1)) ++stream->memory_at;
  stream->fifo_count = 0;
}

static void count(Dma* self, int number) {
  DmaStream* stream = &self->streams[number];
  if (!(stream->cr & kEn)) return;  // it has stopped itself
  --stream->ndtr;
  uint8_t flags = stream->ndtr == stream->programmed / 2 ? kHt : 0;
  if (!stream->ndtr) {
    flags |= kTc;
    if (comes_round(stream)) {
      if (stream->cr & kDbm) stream->cr ^= kCt;
      stream->ndtr = stream->programmed;
      begin(stream);
    } else {
      stream->cr &= ~(uint32_t)kEn;
      empty(self, number);
    }
  }
  if (!flags) return;
  stream->flags |= flags;
  drive(self, number);
}

// One item of the peripheral's size.
static void move(Dma* self, int number) {
  DmaStream* stream = &self->streams[number];
  const uint32_t item = peripheral_bytes(stream);
  if (direction(stream) == kMemoryToPeripheral) {
    while (stream->fifo_count < item) {
      const uint32_t size = memory_bytes(stream);
      if (!take(self, number, stream->memory_at, size)) return;
      if (stream->cr & kMinc) stream->memory_at += size;
    }
    if (!put(self, number, stream->peripheral_at, item)) return;
  } else {
    if (!take(self, number, stream->peripheral_at, item)) return;
    while (stream->fifo_count >= memory_bytes(stream)) {
      const uint32_t size = memory_bytes(stream);
      if (!put(self, number, stream->memory_at, size)) return;
      if (stream->cr & kMinc) stream->memory_at += size;
    }
  }
  if (stream->cr & kPinc) stream->peripheral_at += stream->cr & kPincos ? 4 : peripheral_bytes(stream);
  count(self, number);
}

static void serve(Dma* self, int number, int request) {
  DmaStream* stream = &self->streams[number];
  if (stream->busy || direction(stream) == kMemoryToMemory || !self->clocked) return;
  stream->busy = true;
  for (int items = 0; items < kAtOnce; ++items) {
    if (!(stream->cr & kEn) || !stream->ndtr || !self->outside->asks(self->outside->of, request)) break;
    move(self, number);
  }
  stream->busy = false;
}

void dma_serve(Dma* self, int request) {
  for (int number = 0; number < kDmaStreams; ++number)
    for (int i = 0; i < kMostShared; ++i)
      if (requests_of(self, number)[i] == request) serve(self, number, request);
}

// Registers

uint32_t dma_read(const Dma* self, uint32_t offset) {
  if (offset == kLisr || offset == kHisr) {
    const DmaStream* first = &self->streams[offset == kLisr ? 0 : 4];
    uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value |= (uint32_t)first[i].flags << kPlaces[i];
    return value;
  }
  if (offset < kFirstStream || offset >= kFirstStream + kDmaStreams * kStreamBytes) return 0;
  const DmaStream* stream = &self->streams[(offset - kFirstStream) / kStreamBytes];
  switch ((offset - kFirstStream) % kStreamBytes) {
    case kCr:
      return stream->cr;
    case kNdtr:
      return stream->ndtr;
    case kPar:
      return stream->par;
    case kM0ar:
      return stream->m0ar;
    case kM1ar:
      return stream->m1ar;
    default:
      return stream->fcr | kFsEmpty;
  }
}

static void start(Dma* self, int number) {
  DmaStream* stream = &self->streams[number];
  const int16_t* requests = requests_of(self, number);
  if (stream->cr & (kPfctrl | kBursts) || stream->flags || !is_direct(stream) ||
      !self->outside->is_ours(requests[0]))
    self->outside->say(self->outside->of, self->index, number, false, 0);
  if (!stream->ndtr) stream->ndtr = stream->programmed;  // (RM0385 8.5.6)
  stream->fifo_count = 0;
  begin(stream);
  if (direction(stream) == kMemoryToMemory) {
    while (self->copies && stream->cr & kEn && stream->ndtr) move(self, number);
  } else {
    for (int i = 0; i < kMostShared; ++i)
      if (requests[i] != kNoRequest) serve(self, number, requests[i]);
  }
}

static void control(Dma* self, int number, uint32_t value) {
  DmaStream* stream = &self->streams[number];
  if (stream->cr & kEn) {
    stream->cr = (stream->cr & ~(uint32_t)kCrWhileEnabled) | (value & kCrWhileEnabled);
    if (value & kEn) return;
    empty(self, number);
    stream->flags |= kTc;  // (RM0385 8.3.14)
  } else {
    stream->cr = value;
    if (value & kEn) start(self, number);
  }
}

void dma_write(Dma* self, uint32_t offset, uint32_t value) {
  if (offset == kLifcr || offset == kHifcr) {
    const int first = offset == kLifcr ? 0 : 4;
    for (int i = 0; i < 4; ++i) {
      self->streams[first + i].flags &= (uint8_t) ~(value >> kPlaces[i] & kAllFlags);
      drive(self, first + i);
    }
    return;
  }
  if (offset < kFirstStream || offset >= kFirstStream + kDmaStreams * kStreamBytes) return;
  const int number = (int)(offset - kFirstStream) / kStreamBytes;
  DmaStream* stream = &self->streams[number];
  const bool enabled = stream->cr & kEn, second = stream->cr & kCt;
  const uint32_t fcr_writable = enabled ? kFcrWhileEnabled : kFcrWritable;
  switch ((offset - kFirstStream) % kStreamBytes) {
    case kCr:
      control(self, number, value & kCrWritable);
      break;
    case kNdtr:
      if (!enabled) stream->ndtr = stream->programmed = value & 0xFFFF;
      break;
    case kPar:
      if (!enabled) stream->par = value;
      break;
    case kM0ar:
      if (!enabled || second) stream->m0ar = value;
      break;
    case kM1ar:
      if (!enabled || !second) stream->m1ar = value;
      break;
    default:
      stream->fcr = (stream->fcr & ~fcr_writable) | (value & fcr_writable);
  }
  drive(self, number);
}
