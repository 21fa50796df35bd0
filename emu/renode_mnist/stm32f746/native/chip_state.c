#include "chip_state.h"

#include <string.h>

typedef struct {
  uint32_t registers[kUsartRegisters];
  uint64_t arrival, idle, transmission;
  int32_t shifting, waiting;
  uint8_t clocked;
} UsartState;

typedef struct {
  uint64_t hertz, since_cycles, asked;
  int64_t since_ps;
  uint32_t sets[kNumberSets][kExceptions / 32];
  uint8_t priorities[kExceptions];
  uint32_t priority_group;
  uint64_t zero;
  uint32_t control, reload, since_value;
  int64_t systick_since_ps;
  UsartState usarts[kUsarts];
  Gpio gpios[kGpios];
  DmaStream streams[kDmas][kDmaStreams];
  uint8_t dma_clocked[kDmas];
  uint8_t asking[kMostRequests];
  uint8_t count_flag, asleep, waits_for_event, event_register, reset_requested;
} State;

size_t chip_state_size(void) { return sizeof(State); }

void chip_save(const Chip* chip, uint8_t* into) {
  State state;
  memset(&state, 0, sizeof state);
  state.hertz = chip->clock.hertz;
  state.since_cycles = chip->clock.since_cycles;
  state.asked = chip->clock.asked;
  state.since_ps = chip->clock.since_ps;
  memcpy(state.sets, chip->nvic.sets, sizeof state.sets);
  memcpy(state.priorities, chip->nvic.priorities, sizeof state.priorities);
  state.priority_group = chip->nvic.priority_group;
  state.zero = chip->systick.zero;
  state.control = chip->systick.control;
  state.reload = chip->systick.reload;
  state.since_value = chip->systick.since_value;
  state.systick_since_ps = chip->systick.since_ps;
  state.count_flag = chip->systick.count_flag;
  for (int i = 0; i < kUsarts; ++i) {
    const Usart* usart = &chip->usarts[i];
    UsartState* saved = &state.usarts[i];
    memcpy(saved->registers, usart->registers, sizeof saved->registers);
    saved->arrival = usart->arrival;
    saved->idle = usart->idle;
    saved->transmission = usart->transmission;
    saved->shifting = usart->shifting;
    saved->waiting = usart->waiting;
    saved->clocked = usart->clocked;
  }
  memcpy(state.gpios, chip->gpios, sizeof state.gpios);
  for (int i = 0; i < kDmas; ++i) {
    memcpy(state.streams[i], chip->dmas[i].streams, sizeof state.streams[i]);
    state.dma_clocked[i] = chip->dmas[i].clocked;
  }
  memcpy(state.asking, chip->asking, sizeof state.asking);
  state.asleep = chip->asleep;
  state.waits_for_event = chip->waits_for_event;
  state.event_register = chip->event_register;
  state.reset_requested = chip->reset_requested;
  memcpy(into, &state, sizeof state);
}

void chip_restore(Chip* chip, const uint8_t* from) {
  State state;
  memcpy(&state, from, sizeof state);
  chip->clock.hertz = state.hertz;
  chip->clock.since_cycles = state.since_cycles;
  chip->clock.asked = state.asked;
  chip->clock.since_ps = state.since_ps;
  memcpy(chip->nvic.sets, state.sets, sizeof state.sets);
  memcpy(chip->nvic.priorities, state.priorities, sizeof state.priorities);
  chip->nvic.priority_group = state.priority_group;
  chip->systick.zero = state.zero;
  chip->systick.control = state.control;
  chip->systick.reload = state.reload;
  chip->systick.since_value = state.since_value;
  chip->systick.since_ps = state.systick_since_ps;
  chip->systick.count_flag = state.count_flag;
  for (int i = 0; i < kUsarts; ++i) {
    Usart* usart = &chip->usarts[i];
    const UsartState* saved = &state.usarts[i];
    memcpy(usart->registers, saved->registers, sizeof saved->registers);
    usart->arrival = saved->arrival;
    usart->idle = saved->idle;
    usart->transmission = saved->transmission;
    usart->shifting = saved->shifting;
    usart->waiting = saved->waiting;
    usart->clocked = saved->clocked;
    usart->timing_known = false;
    usart->incoming_first = usart->incoming_count = 0;
  }
  memcpy(chip->gpios, state.gpios, sizeof state.gpios);
  for (int i = 0; i < kDmas; ++i) {
    memcpy(chip->dmas[i].streams, state.streams[i], sizeof state.streams[i]);
    chip->dmas[i].clocked = state.dma_clocked[i];
  }
  memcpy(chip->asking, state.asking, sizeof state.asking);
  chip->asleep = state.asleep;
  chip->waits_for_event = state.waits_for_event;
  chip->event_register = state.event_register;
  chip->reset_requested = state.reset_requested;
  chip->access_active = false;
  chip->idle.found.pc = 0;
}

Owner chip_event_owner(const Chip* chip, const Event* event, int* index) {
  *index = 0;
  if (event->of == &chip->systick) return kSysTickZero;
  for (int i = 0; i < kUsarts; ++i) {
    const Usart* usart = &chip->usarts[i];
    if (event->of != usart) continue;
    *index = i;
    if (event->asked == usart->arrival) return kUsartArrival;
    return event->asked == usart->transmission ? kUsartTransmission : kUsartIdle;
  }
  return kForeign;
}

Event chip_own_event(Chip* chip, Owner owner, int index, int64_t time_ps, uint64_t asked, uint64_t argument) {
  Usart* usart = &chip->usarts[index];
  switch (owner) {
    case kSysTickZero:
      return (Event){time_ps, asked, systick_reach_zero, &chip->systick, argument};
    case kUsartArrival:
      return (Event){time_ps, asked, usart_arrive, usart, argument};
    case kUsartTransmission:
      return (Event){time_ps, asked, usart_shifted, usart, argument};
    default:
      return (Event){time_ps, asked, usart_becomes_idle, usart, argument};
  }
}
