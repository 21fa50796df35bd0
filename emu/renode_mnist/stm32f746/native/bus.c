// Accesses to peripherals, and the core's own exceptions, as Unicorn tells of them.
#include "chip.h"

static const uint32_t kScsBase = 0xE000E000, kGpioBase = 0x40020000, kRccBase = 0x40023800, kCyccnt = 0xE0001004;
enum { kPageShift = 10, kIcsr = 0xD04 };
enum { kMemRead = 16, kMemReadUnmapped = 19, kMemWrite = 17, kMemWriteUnmapped = 20, kMemWriteProt = 22 };
enum { kMemFetch = 18, kMemFetchUnmapped = 21, kMemFetchProt = 24 };

static void fail(Chip* chip) {
  chip->failed = true;
  chip_request_stop(chip);
}

static Usart* usart_at(Chip* chip, uint32_t address) {
  for (int i = 0; i < kUsarts; ++i)
    if ((address & ~0x3FFu) == chip->usart_bases[i]) return chip->usarts[i].clocked ? &chip->usarts[i] : NULL;
  return NULL;
}

// It reads 0 until the RCC is written.
static bool is_unclocked_usart(const Chip* chip, uint32_t address) {
  for (int i = 0; i < kUsarts; ++i)
    if ((address & ~0x3FFu) == chip->usart_bases[i]) return !chip->usarts[i].clocked;
  return false;
}

static Gpio* gpio_at(Chip* chip, uint32_t address) {
  const uint32_t port = (address - kGpioBase) >> kPageShift;
  return port < kGpios && chip->gpios[port].clocked ? &chip->gpios[port] : NULL;
}

static Dma* dma_at(Chip* chip, uint32_t address) {
  for (int i = 0; i < kDmas; ++i)
    if ((address & ~0x3FFu) == chip->dma_bases[i]) return chip->dmas[i].clocked ? &chip->dmas[i] : NULL;
  return NULL;
}

static uint32_t exception_number(const Chip* chip) {
  static const Register ipsr[] = {kIpsr};
  uint32_t value;
  engine_read(&chip->engine, ipsr, &value, 1);
  return value & 0x1FF;
}

static bool is_steady(const Chip* chip, uint32_t address) {
  const uint32_t page = address >> kPageShift;
  return chip->pages && chip->pages[page / 8] >> (page % 8) & 1;
}

// Unless the peripheral is one of Python's. `stays`: reading it again gives the same.
static bool read_here(Chip* chip, uint32_t address, uint32_t* value, bool* stays) {
  const uint32_t offset = address & 0x3FC;
  Usart* usart = usart_at(chip, address);
  if (usart) {
    *stays = usart_reads_stay(usart, offset);
    *value = usart_read(usart, offset);
    return true;
  }
  const Gpio* gpio = gpio_at(chip, address);
  if (gpio) {
    *value = gpio_read(gpio, offset);
    return true;
  }
  const Dma* dma = dma_at(chip, address);
  if (dma) {
    *value = dma_read(dma, offset);
    return true;
  }
  if (address - kRccBase < 4 * kRccRegisters) {
    *value = chip->rcc[offset / 4];
    return true;
  }
  if ((address & ~3u) == kCyccnt && !chip->count_in_python) {
    *value = (uint32_t)(chip->count + (chip->counting ? chip_cycles_now(chip) - chip->count_since : 0));
    return true;
  }
  if ((address & ~0xFFFu) != kScsBase) return false;
  const uint32_t word = address & 0xFFC;
  if (word >= kSysTickFirst && word <= kSysTickCalib) {
    *stays = word == kSysTickCsr ? !chip->systick.count_flag : word != kSysTickCvr;
    *value = systick_read(&chip->systick, word);
    return true;
  }
  *stays = true;
  if (word == kIcsr) {
    *value = nvic_read_icsr(&chip->nvic, exception_number(chip));
    return true;
  }
  if (word < kNvicFirst || word >= kNvicEnd) return false;
  *value = nvic_read(&chip->nvic, word);
  return true;
}

static void read_bus(Chip* chip, uint32_t address, uint32_t size, uint32_t* value, bool* stays) {
  if (read_here(chip, address, value, stays))
    *value = *value >> 8 * (address & 3) & (size < 4 ? (1u << 8 * size) - 1 : ~0u);
  else if (!chip->outside.read(chip->outside.of, address, size, value))
    fail(chip);
}

void bus_read(Chip* chip, uint32_t address, uint32_t size, uint32_t* value) {
  bool stays;
  read_bus(chip, address, size, value, &stays);
}

uint64_t bus_read_hook(void* engine, uint64_t offset, unsigned size, void* user_data) {
  const Window* window = user_data;
  Chip* chip = window->chip;
  Idle* idle = &chip->idle;
  const uint32_t address = window->base + (uint32_t)offset;
  uint32_t value = 0;
  bool stays = is_steady(chip, address) || is_unclocked_usart(chip, address);
  (void)engine;
  chip->read_moves = false;
  chip->read_counts.tick_ps = 0;
  read_bus(chip, address, size, &value, &stays);
  chip->access_active = false;
  stays = stays && !chip->read_moves;
  if (stays) {
    idle->read_address = address;
    idle->read_value = value;
    ++idle->reads;
    if (++idle->polls == idle->poll_patience) chip_stop_to_look(chip);
  } else {
    ++idle->effects;
    const bool core = address == kCyccnt ? !chip->count_in_python : address == kScsBase + kSysTickCvr;
    if ((core || chip->read_counts.tick_ps) && size == 4) {
      idle->counts = chip->read_counts;
      ++idle->counter_reads;
      idle->counter_address = address;
      idle->counter_value = value;
      if (++idle->polls == idle->poll_patience) chip_stop_to_look(chip);
    }
  }
  return value;
}

// A word to the core's registers; false where it is one of Python's.
static bool write_core(Chip* chip, uint32_t offset, uint32_t value) {
  if (offset >= kSysTickFirst && offset <= kSysTickCalib)
    systick_write(&chip->systick, offset, value);
  else if (offset >= kNvicFirst && offset < kNvicEnd)
    nvic_write(&chip->nvic, offset, value);
  else if (offset == kIcsr)
    nvic_write_icsr(&chip->nvic, value);
  else
    return false;
  return true;
}

void bus_write(Chip* chip, uint32_t address, uint32_t size, uint32_t value) {
  const uint32_t mask = size < 4 ? (1u << 8 * size) - 1 : ~0u, word = value & mask;
  const uint32_t shift = size < 4 ? 8 * (address & 3) : 0;
  Usart* usart = usart_at(chip, address);
  Gpio* gpio = gpio_at(chip, address);
  Dma* dma = dma_at(chip, address);
  bool well = true;
  if (usart) {
    well = usart_write(usart, address & 0x3FC, word * (~0u / mask));  // an APB duplicates (RM0385 2.1.12)
  } else if (gpio) {
    const uint32_t left = gpio_peek(gpio, address & 0x3FC) & ~(mask << shift);
    if (gpio_write(gpio, address & 0x3FC, left | word << shift))
      well = chip->outside.pins_changed(chip->outside.of, (int)(gpio - chip->gpios));
  } else if (dma) {
    const uint32_t left = dma_read(dma, address & 0x3FC) & ~(mask << shift);
    dma_write(dma, address & 0x3FC, left | word << shift);
  } else if (size < 4 || address & 3 || !write_core(chip, address - kScsBase, word)) {
    well = chip->outside.write(chip->outside.of, address, size, word);
  }
  if (!well) fail(chip);
}

void bus_write_hook(void* engine, uint64_t offset, unsigned size, uint64_t value, void* user_data) {
  const Window* window = user_data;
  Chip* chip = window->chip;
  (void)engine;
  bus_write(chip, window->base + (uint32_t)offset, size, (uint32_t)value);
  chip->access_active = false;
  ++chip->idle.effects;
}

static bool may_access(Chip* chip, uint32_t address, uint32_t size, bool store) {
  // The MPU's borders lie at multiples of 32 bytes, so a word is allowed as a whole.
  const uint32_t word = address / 4 + 1;
  const uint8_t bit = store ? 2 : 1;
  Allowed* allowed = &chip->allowed[(word ^ word >> 8) % kAllowedSlots];
  if (allowed->word != word) *allowed = (Allowed){word, 0, 0};
  if (!(allowed->known & bit)) {
    bool may = false;
    if (!chip->outside.may_access(chip->outside.of, address, size, store, &may)) {
      fail(chip);
      return false;
    }
    allowed->known |= bit;
    if (may) allowed->may |= bit;
  }
  return allowed->may & bit;
}

static void stop_for(Chip* chip, StopKind kind, uint32_t address) {
  if (chip->stop_kind != kStopNone) return;
  chip->stop_kind = kind;
  chip->stop_address = address;
}

bool bus_invalid_hook(void* engine, int type, uint64_t address, int size, int64_t value, void* user_data) {
  static const Register registers[] = {kPc, kEpsr};
  Chip* chip = user_data;
  (void)engine;
  (void)value;
  if (type == kMemFetch || type == kMemFetchUnmapped || type == kMemFetchProt) {
    stop_for(chip, kStopBadFetch, (uint32_t)address);
    return false;
  }
  const bool store = type == kMemWrite || type == kMemWriteUnmapped || type == kMemWriteProt;
  if (!may_access(chip, (uint32_t)address, (uint32_t)size, store)) {
    stop_for(chip, store ? kStopBadStore : kStopBadLoad, (uint32_t)address);
    return false;
  }
  uint32_t values[2];
  engine_read(&chip->engine, registers, values, 2);
  if (values[1] & kEpsrIt) {  // it was brought up to date with PC, and would stay set (unicorn issue 2309)
    const uint32_t thumb = kEpsrT;
    engine_write(&chip->engine, &registers[1], &thumb, 1);
  }
  chip->access_active = true;
  chip->access_pc = values[0];
  return true;
}

void chip_interrupt_hook(void* engine, uint32_t number, void* user_data) {
  Chip* chip = user_data;
  StopKind kind;
  switch (number) {  // QEMU's target/arm/cpu.h
    case 2:
      kind = kStopSupervisorCall;
      break;
    case 3:
      kind = kStopBadFetch;
      break;
    case 7:
      kind = kStopBkpt;
      break;
    case 8:
      kind = kStopExceptionReturn;
      break;
    case 17:
      kind = kStopNoCoprocessor;
      break;
    default:
      kind = kStopUndefined;
  }
  stop_for(chip, kind, 0);
  chip->engine.stop(engine);
}
