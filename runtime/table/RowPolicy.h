// RowPolicy: which keys of a table get rows, and which rows are kept. Statistics of a row count how often its key was
// shown and clicked; admission gives a key its whole row only once it has earned it; eviction takes rows back.
//
// Time is counted in periods, of steps or of seconds: statistics decay once a period, and a row is unseen for as many
// periods as have begun since it was pushed to last. Everything here depends on keys, pushes and periods alone, never
// on how rows are spread over servers, ranges or threads.
#ifndef HETER_RUNTIME_TABLE_ROWPOLICY_H
#define HETER_RUNTIME_TABLE_ROWPOLICY_H

#include <array>
#include <cstdint>

namespace heter::runtime {

/// When something happens to a table.
struct TableTime {
  int64_t step = 0;
  int64_t seconds = 0; ///< Since the epoch of the system's clock.
};

struct RowPolicy {
  enum class Admission { Always, Count, Probability, Score };
  enum class Unit { Steps, Seconds };

  Admission admission = Admission::Always;
  /// Count: of shows; Probability: of each push; Score: the least.
  double admissionLimit = 0;

  bool scored = false; ///< Whether clicks are counted, and a score made of them.
  float showWeight = 0;
  float clickWeight = 0;
  float decay = 1; ///< What is left of shows and clicks after a period.

  int64_t unseenPeriods = 0; ///< Rows unseen for more periods go; 0: for ever.
  bool evictsByScore = false;
  float leastScore = 0;    ///< Rows below go.
  int64_t memoryBytes = 0; ///< Of the table on all servers together; 0: no limit.
  bool tiered = false;     ///< What has no room in memory goes to a tier below, not away.

  Unit periodUnit = Unit::Steps;
  int64_t period = 0; ///< In steps or seconds; 0: there are no periods.

  /// Floats of statistics at the beginning of each row: shows, then clicks.
  int64_t statistics() const { return scored ? 2 : admission == Admission::Count ? 1 : 0; }
  bool admitsAll() const { return admission == Admission::Always; }
  /// What rows are evicted to stay within; 0: no limit.
  int64_t memoryToKeep() const { return tiered ? 0 : memoryBytes; }
  bool evicts() const { return unseenPeriods > 0 || evictsByScore || memoryToKeep() > 0; }

  int64_t clock(const TableTime &time) const { return periodUnit == Unit::Steps ? time.step : time.seconds; }
  /// The period of a time, modulo 2^16.
  uint16_t periodOf(const TableTime &time) const {
    return period > 0 ? static_cast<uint16_t>(clock(time) / period) : uint16_t{0};
  }
  /// Periods from `seen` to `now`. Below 2^15; a row of a later period than `now` was seen just now.
  static int age(uint16_t seen, uint16_t now) {
    const auto periods = static_cast<int16_t>(static_cast<uint16_t>(now - seen));
    return periods > 0 ? periods : 0;
  }

  /// (shows - clicks) * showWeight + clicks * clickWeight; 0 where that is no number.
  float score(const float *statistics) const {
    const float score = scored ? (statistics[0] - statistics[1]) * showWeight + statistics[1] * clickWeight : 0.0F;
    return score == score ? score : 0.0F;
  }
  /// Lets statistics decay by some periods.
  void age(float *statistics, int periods) const;
  /// Whether a key is admitted with these statistics, at this step. `drawKey` is the Philox key of the draws.
  bool admits(uint64_t key, const float *statistics, int64_t step, std::array<uint32_t, 2> drawKey) const;
};

} // namespace heter::runtime

#endif // HETER_RUNTIME_TABLE_ROWPOLICY_H
