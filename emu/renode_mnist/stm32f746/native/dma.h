// A DMA controller: the twin of dma.py, by the same names.
#ifndef RENODE_MNIST_DMA_H
#define RENODE_MNIST_DMA_H

#include "nvic.h"

enum { kDmaStreams = 8, kMostInFifo = 16 };

// A peripheral's request, by its place in `REQUESTS` of wiring.py; a stream's channel has up to three, kNoRequest
// where it has fewer.
enum { kNoRequest = -1, kDmaChannels = 8, kMostShared = 3 };

typedef struct {
  uint32_t cr, ndtr, par, m0ar, m1ar, fcr;
  uint32_t programmed, peripheral_at, memory_at;
  uint8_t fifo[kMostInFifo];
  uint8_t fifo_count;
  uint8_t flags;
  bool busy;
} DmaStream;

// What it reaches and whom it asks.
typedef struct {
  bool (*read)(void* of, uint32_t address, uint32_t size, uint32_t* value);  // false: nothing answers
  bool (*write)(void* of, uint32_t address, uint32_t size, uint32_t value);
  bool (*asks)(void* of, int request);  // whether that peripheral does now
  bool (*is_ours)(int request);         // it is of a peripheral that is modelled in C
  // Something is worth a line in the log: where nothing answered, or a stream's settings as it is switched on.
  void (*say)(void* of, int controller, int stream, bool failed, uint32_t address);
  void* of;
} DmaOutside;

typedef struct {
  Nvic* nvic;
  const DmaOutside* outside;
  int index;
  bool clocked;  // by the RCC
  bool copies;   // from memory to memory
  int16_t interrupts[kDmaStreams];
  int16_t requests[kDmaStreams][kDmaChannels][kMostShared];
  DmaStream streams[kDmaStreams];
} Dma;

void dma_reset(Dma* dma);
void dma_serve(Dma* dma, int request);
uint32_t dma_read(const Dma* dma, uint32_t offset);
void dma_write(Dma* dma, uint32_t offset, uint32_t value);

#endif
