// The run loop: the twin of `Machine.run_until` and `Core.run`.
#include "chip.h"

enum { kRoundsBetweenSignals = 256, kBriefCycles = 20000 };

StopKind chip_run_core(Chip* chip, uint64_t limit_cycles) {
  static const Register registers[] = {kPc, kEpsr};
  BlockCounter* counter = chip->counter;
  chip->stop_kind = kStopNone;
  block_counter_begin(counter, limit_cycles);
  uint32_t values[2];
  engine_read(&chip->engine, registers, values, 2);
  const bool brief = limit_cycles - counter->cycles < kBriefCycles;
  chip->status = chip->outside.start(chip->outside.of, values[0] | (values[1] & kEpsrT ? 1 : 0), brief);
  chip->access_active = false;
  if (chip->failed || chip->outside.counter_failed(chip->outside.of)) return kStopError;
  if (chip->stop_kind == kStopNone && chip->status != 0) return kStopStatus;
  return chip->stop_kind;
}

Ran chip_run(Chip* chip, int64_t time_ps, bool has_condition) {
  const Outside* outside = &chip->outside;
  Clock* clock = &chip->clock;
  chip->failed = false;
  for (unsigned rounds = 1;; ++rounds) {
    if (!clock_run_due(clock) || chip->failed) return kFailed;
    if (chip->reset_requested || chip->observed || chip->stale) return kDeclined;
    bool met = false;
    if (has_condition && !outside->condition(outside->of, &met)) return kFailed;
    if (met) return kRanToCondition;
    if (clock_now_ps(clock) >= time_ps) return kRanToTime;
    if (chip->asleep && exceptions_wakes(chip)) chip->asleep = false;
    bool taken = false;
    if (!chip->hold_exceptions && !exceptions_take_pending(chip, &taken)) return kDeclined;
    if (taken) {
      chip->asleep = false;
      chip->event_register = true;
    }
    const int64_t next_ps = clock_next_ps(clock);
    const int64_t until_ps = next_ps < time_ps ? next_ps : time_ps;
    if (chip->asleep) {
      clock_sleep_until(clock, until_ps);
    } else {
      const StopKind stop = idle_run_core(chip, clock_cycles_at(clock, until_ps));
      if (stop == kStopError) return kFailed;
      if (stop == kStopNone) {
        if (chip->counter->at_breakpoint) return kRanToStop;
        if (!chip->counter->stopped) {  // WFI
          chip->asleep = true;
          chip->waits_for_event = false;
        }
      } else if (stop == kStopExceptionReturn) {
        bool thread;
        if (!exceptions_leave(chip, &thread)) return kRanToStop;
        chip->event_register = true;
        chip->asleep = thread && chip->sleep_on_exit;
        chip->waits_for_event = false;
      } else {
        return kRanToStop;
      }
    }
    if (rounds % kRoundsBetweenSignals == 0 && !outside->interrupted(outside->of)) return kFailed;
  }
}
