// What Unicorn may remember of a page of RAM: the twin of `Pages` in pages.py, which lays this out.
#ifndef RENODE_MNIST_PAGES_H
#define RENODE_MNIST_PAGES_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  void* engine;                                    // uc_engine*
  int (*control)(void* engine, int control, ...);  // uc_ctl
  int (*read)(void* engine, int id, void* value);  // uc_reg_read
  int (*write)(void* engine, int id, const void* value);
  int flush;            // what `control` is asked for
  int fetch;            // uc_mem_type
  int epsr;             // register
  uint32_t begin, end;  // of RAM
  uint8_t* executed;    // one a page of it
} Pages;

typedef struct {  // uc_tlb_entry
  uint64_t physical;
  int permissions;
} PageEntry;

bool pages_fill_hook(void* engine, uint64_t address, int type, PageEntry* entry, void* pages);

#endif
