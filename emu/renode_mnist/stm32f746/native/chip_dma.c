// The DMA controllers' place in the chip: what they reach, and who asks them.
#include <string.h>

#include "chip.h"

static const uint32_t kPrivateBus = 0xE0000000, kSharedMemories = 0x08000000;

static int request_of(int usart, bool sends) { return 2 * usart + sends; }

static bool is_ours(int request) { return request != kNoRequest && request < kUsartRequests; }

static bool asks(void* of, int request) {
  Chip* chip = of;
  if (is_ours(request)) return usart_asks(&chip->usarts[request / 2], request % 2);
  uint8_t* asking = &chip->asking[request];
  const bool asked = *asking;
  if (*asking == kAsksOnce) *asking = kAsksNot;
  return asked;
}

static void serve(Chip* chip, int request) {
  for (int i = 0; i < kDmas; ++i) dma_serve(&chip->dmas[i], request);
}

void chip_request(void* of, int usart, bool sends) { serve(of, request_of(usart, sends)); }

void chip_ask(Chip* chip, int request, Asking asking) {
  chip->asking[request] = (uint8_t)asking;
  if (asking != kAsksNot) serve(chip, request);
  if (asking == kAsksOnce) chip->asking[request] = kAsksNot;
}

static bool is_peripheral(const Chip* chip, uint32_t address) {
  const uint32_t page = address >> 10;
  return address < kPrivateBus && chip->peripherals && chip->peripherals[page / 8] >> (page % 8) & 1;
}

static bool read(void* of, uint32_t address, uint32_t size, uint32_t* value) {
  Chip* chip = of;
  // Only the core has the ITCM bus.
  const uint8_t* memory = address >= kSharedMemories ? chip_memory(chip, address, size) : NULL;
  if (!memory && !is_peripheral(chip, address)) return false;
  if (!memory) {
    bus_read(chip, address, size, value);
    return true;
  }
  *value = 0;
  for (uint32_t i = 0; i < size; ++i) *value |= (uint32_t)memory[i] << 8 * i;
  return true;
}

static bool write(void* of, uint32_t address, uint32_t size, uint32_t value) {
  Chip* chip = of;
  for (int i = 0; i < chip->ram_count; ++i) {
    const Ram* ram = &chip->ram[i];
    if (address < kSharedMemories || address < ram->begin || address >= ram->end || size > ram->end - address)
      continue;
    for (uint32_t j = 0; j < size; ++j) ram->host[address - ram->begin + j] = (uint8_t)(value >> 8 * j);
    return true;
  }
  if (!is_peripheral(chip, address)) return false;
  bus_write(chip, address, size, value);
  return true;
}

static void say(void* of, int controller, int stream, bool failed, uint32_t address) {
  Chip* chip = of;
  if (!chip->outside.unusual(chip->outside.of, controller, stream, failed, address)) {
    chip->failed = true;
    chip_request_stop(chip);
  }
}

void chip_dma_init(Chip* chip) {
  chip->dma_outside = (DmaOutside){read, write, asks, is_ours, say, chip};
  for (int i = 0; i < kDmas; ++i) {
    Dma* dma = &chip->dmas[i];
    dma->nvic = &chip->nvic;
    dma->outside = &chip->dma_outside;
    dma->index = i;
    dma->copies = i == 1;  // (RM0385 8.3.6)
    memset(dma->requests, 0xFF, sizeof dma->requests);
    dma_reset(dma);
  }
}

bool chip_connect_request(Chip* chip, uint64_t dma, uint64_t stream, uint64_t channel, uint64_t request) {
  if (dma >= kDmas || stream >= kDmaStreams || channel >= kDmaChannels || request >= kMostRequests) return false;
  int16_t* shared = chip->dmas[dma].requests[stream][channel];
  for (int i = 0; i < kMostShared; ++i)
    if (shared[i] == kNoRequest) {
      shared[i] = (int16_t)request;
      return true;
    }
  return false;
}
