#include "chip.h"

#include <stdlib.h>
#include <string.h>

enum { kInstructionBytesFrom = 0xE8 };  // in the second byte of a 32-bit instruction (DDI 0403E A5.1)

const uint8_t* chip_memory(const Chip* chip, uint32_t address, uint32_t size) {
  for (size_t i = 0; i < chip->counter->guest_count; ++i) {
    const GuestMemory* memory = &chip->counter->guest[i];
    if (address >= memory->begin && address < memory->end && size <= memory->end - address)
      return memory->host + (address - memory->begin);
  }
  return NULL;
}

// `Counts.cycles_now`: a block is counted as it begins, who asks within one is told what came before.
uint64_t chip_cycles_now(const Chip* chip) {
  const BlockCounter* counter = chip->counter;
  if (!chip->access_active || !counter->last) return counter->cycles;
  const Block* block = counter->current;
  const uint8_t* code = chip_memory(chip, block->address, block->size);
  if (!code || chip->access_pc < block->address) return counter->cycles;
  uint32_t before = 0;
  const uint32_t end = chip->access_pc - block->address;
  for (uint32_t at = 0; at + 1 < block->size && at < end; ++before)
    at += code[at + 1] >= kInstructionBytesFrom ? 4 : 2;
  const uint64_t cycles = counter->last->cycles + counter->waited;
  return counter->cycles - (cycles - cycles * before / block->instructions);
}

static uint64_t cycles_now(void* chip) { return chip_cycles_now(chip); }

static void request_stop(void* chip) { chip_request_stop(chip); }

void chip_init(Chip* chip, uint64_t hertz) {
  chip->clock.cycles_now = cycles_now;
  chip->clock.on_earlier = request_stop;
  chip->clock.of = chip;
  chip->clock.hertz = hertz;
  chip->nvic.on_change = request_stop;
  chip->nvic.of = chip;
  nvic_reset(&chip->nvic);
  chip->systick.clock = &chip->clock;
  chip->systick.nvic = &chip->nvic;
  systick_reset(&chip->systick);
  for (int i = 0; i < kUsarts; ++i) {
    Usart* usart = &chip->usarts[i];
    usart->clock = &chip->clock;
    usart->nvic = &chip->nvic;
    usart->line = &chip->line;
    usart->request = chip_request;
    usart->request_of = chip;
    usart->index = i;
    usart_reset(usart);
  }
  chip_dma_init(chip);
  chip->idle.patience = 10000;
  chip->idle.poll_patience = 64;
}

void chip_free(Chip* chip) {
  clock_clear(&chip->clock);
  free(chip->clock.queue);
  for (int i = 0; i < kUsarts; ++i) usart_free(&chip->usarts[i]);
  free(chip->pages);
  free(chip->peripherals);
  free(chip->idle.ram);
  free(chip->idle.memory);
}
