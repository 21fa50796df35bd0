#include "pages.h"

#include "engine.h"

enum { kRead = 1, kWrite = 2, kExecute = 4, kPageShift = 10 };

// Unicorn has brought PC up to date for this hook, and with it ITSTATE, which would stay set behind the IT block.
static void take_back_it_state(const Pages* pages) {
  uint64_t value = 0;  // Unicorn reads and writes 8 bytes for some registers
  pages->read(pages->engine, pages->epsr, &value);
  if (!(*(const uint32_t*)&value & kEpsrIt)) return;
  value = kEpsrT;
  pages->write(pages->engine, pages->epsr, &value);
}

// uc_cb_tlbevent_t for UC_HOOK_TLB_FILL.
bool pages_fill_hook(void* engine, uint64_t address, int type, PageEntry* entry, void* of) {
  (void)engine;
  const Pages* pages = of;
  if (type != pages->fetch) take_back_it_state(pages);
  entry->physical = address;
  entry->permissions = kRead | kWrite | kExecute;
  if (address < pages->begin || address >= pages->end) return true;
  uint8_t* executed = &pages->executed[(address - pages->begin) >> kPageShift];
  if (*executed) return true;
  if (type == pages->fetch) {
    *executed = 1;
    pages->control(pages->engine, pages->flush);
  } else {
    entry->permissions = kRead | kWrite;
  }
  return true;
}
