// The state of a counter as bytes, for a snapshot: of this build, on this machine, with the same clock model.
#ifndef RENODE_MNIST_COUNTER_STATE_H
#define RENODE_MNIST_COUNTER_STATE_H

#include "counter.h"

// How many bytes it takes; writes them where `into` is not NULL.
size_t block_counter_save(const BlockCounter* counter, uint8_t* into);

// Takes on a state, breakpoints excepted. What blocks access is asked anew, so their code has to be there. False
// where `bytes` are no state.
bool block_counter_restore(BlockCounter* counter, const uint8_t* bytes, size_t size);

#endif
