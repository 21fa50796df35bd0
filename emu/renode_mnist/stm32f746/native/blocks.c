#include "blocks.h"

#include <stdlib.h>

static size_t slot_of(uint32_t address, uint32_t size) {
  return ((address >> 1) * 2654435761u ^ size) >> 5 & (kHashSlots - 1);
}

Block* block_graph_find(const BlockGraph* graph, uint32_t address, uint32_t size) {
  Block* block = graph->slots[slot_of(address, size)];
  while (block && (block->address != address || block->size != size)) block = block->next_in_slot;
  return block;
}

Block* block_graph_add(BlockGraph* graph, uint32_t address, uint32_t size, uint32_t instructions) {
  Block* block = calloc(1, sizeof *block);
  if (!block) abort();
  block->address = address;
  block->size = size;
  block->instructions = instructions;
  Block** slot = &graph->slots[slot_of(address, size)];
  block->next_in_slot = *slot;
  *slot = block;
  block->next = graph->blocks;
  graph->blocks = block;
  return block;
}

void block_graph_clear(BlockGraph* graph) {
  for (Block* block = &graph->start; block; block = block_graph_next(graph, block))
    for (Edge *edge = block->edges, *next; edge; edge = next) {
      next = edge->next;
      free(edge);
    }
  for (Block *block = graph->blocks, *next; block; block = next) {
    next = block->next;
    free(block->accesses);
    free(block);
  }
  graph->blocks = NULL;
  graph->start.edges = NULL;
  for (size_t i = 0; i < kHashSlots; ++i) graph->slots[i] = NULL;
}

Edge* block_add_edge(Block* from, Block* to, uint64_t cycles, uint64_t dependency_cycles) {
  Edge* edge = calloc(1, sizeof *edge);
  if (!edge) abort();
  edge->to = to;
  edge->address = to->address;
  edge->size = to->size;
  edge->cycles = cycles;
  edge->dependency_cycles = dependency_cycles;
  edge->next = from->edges;
  from->edges = edge;
  return edge;
}
