// The DMA controllers' place in the chip: what they reach, and who asks them.
#include <string.h>

#include "chip.h"

static const uint32_t kPrivateBus = 0xE0000000, kSharedMemories = 0x08000000;

static uint32_t request_of(int usart, bool sends) { return 2 * (uint32_t)usart + sends; }

static bool asks(void* of, int request) {
  const Chip* chip = of;
  return usart_asks(&chip->usarts[request / 2], request % 2);
}

void chip_request(void* of, int usart, bool sends) {
  Chip* chip = of;
  for (int i = 0; i < kDmas; ++i) dma_serve(&chip->dmas[i], (int)request_of(usart, sends));
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
  chip->dma_outside = (DmaOutside){read, write, asks, say, chip};
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

bool chip_connect_request(Chip* chip, uint64_t dma, uint64_t stream, uint64_t channel, uint64_t usart, bool sends) {
  if (dma >= kDmas || stream >= kDmaStreams || channel >= kDmaChannels || usart >= kUsarts) return false;
  chip->dmas[dma].requests[stream][channel] = (int16_t)request_of((int)usart, sends);
  return true;
}
