// A USART: the twin of usart.py, by the same names. What depends on the baud rate (how long frames take, what is
// read of one at another rate) is asked of that file, once a setting.
#ifndef RENODE_MNIST_USART_H
#define RENODE_MNIST_USART_H

#include "clock.h"
#include "nvic.h"

enum { kUsartRegisters = 256 };

typedef struct {
  int64_t own_ps;      // of a frame at the rate set here; 0 before one is set
  int64_t line_ps;     // of one from the other end
  int64_t timeout_ps;  // that the line may be silent behind a frame; 0: not watched
  uint32_t data_mask;  // of the bits of a word
  bool receives_clean, sends_clean;
} LineTiming;

typedef struct Usart Usart;

// What is answered from outside; false where it raised an error.
typedef struct {
  bool (*timing)(void* of, int index, LineTiming* timing);
  bool (*transmitted)(void* of, int index, uint32_t byte);
  // Garbles `byte`; the stop bit may be missed.
  bool (*crossing)(void* of, int index, bool outwards, uint32_t* byte, bool* stop_bit);
  void* of;
} Line;

struct Usart {
  Clock* clock;
  Nvic* nvic;
  const Line* line;
  void (*request)(void* of, int index, bool sends);  // it asks a DMA controller
  void* request_of;
  int index;
  int interrupt;  // its position
  bool clocked;   // by the RCC
  bool timing_known;
  LineTiming timing;
  uint32_t registers[kUsartRegisters];
  uint8_t* incoming;  // bytes on their way
  size_t incoming_first, incoming_count, incoming_room;
  uint64_t arrival, idle, timeout, transmission;  // events
  int32_t shifting, waiting;                      // a byte, or -1
};

// Its events: a byte has come, the line has been silent for a frame, or for what RTOR says, a byte has left.
bool usart_arrive(void* usart, uint64_t unused);
bool usart_becomes_idle(void* usart, uint64_t unused);
bool usart_times_out(void* usart, uint64_t unused);
bool usart_shifted(void* usart, uint64_t unused);

void usart_reset(Usart* usart);
void usart_free(Usart* usart);
// Bytes that the other end sends; the second also starts the first frame.
void usart_queue(Usart* usart, const uint8_t* bytes, size_t count);
bool usart_feed(Usart* usart, const uint8_t* bytes, size_t count);
// Whether it asks a DMA controller for data to send, or to take what it received (RM0385 31.5.15).
bool usart_asks(const Usart* usart, bool sends);
uint32_t usart_read(Usart* usart, uint32_t offset);
bool usart_write(Usart* usart, uint32_t offset, uint32_t value);
// Whether reading that register has no effect, and gives the same until an event or a write.
bool usart_reads_stay(const Usart* usart, uint32_t offset);

#endif
