// Faults end in an error message and a reset.
#pragma once

// Entry of every fault. MemManage, BusFault and UsageFault stay disabled and so arrive here as HardFault,
// which runs without the MPU and at the highest priority (DDI 0403E, B1.5.14).
extern "C" void HardFault_Handler();
