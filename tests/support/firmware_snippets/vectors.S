// Vector table and start of every snippet: FPU on, `run`, then BKPT 0. A handler that a snippet lacks is BKPT 0xEE.
  .syntax unified
  .cpu cortex-m7
  .fpu fpv5-sp-d16

  .section .vectors, "a"
  .word 0x20050000
  .word start
  .irp name, nmi, hard_fault, mem_manage, bus_fault, usage_fault
  .weak \name
  .set \name, unexpected
  .word \name
  .endr
  .word 0, 0, 0, 0
  .irp name, svcall, debug_monitor
  .weak \name
  .set \name, unexpected
  .word \name
  .endr
  .word 0
  .irp name, pendsv, systick, irq0, irq1, irq2, irq3
  .weak \name
  .set \name, unexpected
  .word \name
  .endr
  .fill 33, 4, 0
  .weak usart1
  .set usart1, unexpected
  .word usart1 // 37
  .fill 18, 4, 0
  .irp stream, 0, 1, 2, 3, 4, 61, 62, 63, 64, 65, 66, 67, 5, 6, 7 // 56 to 60, 68 to 70; between them no DMA
  .weak dma2_stream\stream
  .set dma2_stream\stream, unexpected
  .word dma2_stream\stream
  .endr
  .balign 32
  .fill 6, 4, 0 // a snippet's place in a cache line decides on its modelled cycles

  .text
  .thumb
  .global start
  .thumb_func
start:
  ldr r0, =0xE000ED88 // CPACR
  ldr r1, [r0]
  orr r1, r1, #0xF << 20
  str r1, [r0]
  dsb
  isb
  bl run
  bkpt 0

  .thumb_func
unexpected:
  bkpt 0xEE
