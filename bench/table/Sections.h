// The sections of table-bench. Each prints what it measures and keeps it as figures.
#ifndef HETER_BENCH_TABLE_SECTIONS_H
#define HETER_BENCH_TABLE_SECTIONS_H

#include "bench/table/Peers.h"
#include "bench/table/Timing.h"
#include "bench/table/Workload.h"

namespace heter::bench {

/// Pulls beside libcuckoo (which may be null) and plain reads, with one and two threads.
void comparePulls(runtime::SparseTable &table, CuckooMap *cuckoo, const PlainRows &plain, const Queries &queries,
                  Figures &figures);
/// Pushes beside libcuckoo, with one and two threads.
void comparePushes(runtime::SparseTable &table, CuckooMap *cuckoo, const Queries &queries,
                   const std::vector<float> &gradients, Figures &figures);

/// Quantiles of how long calls took, under `key`.
void reportPauses(const std::string &key, const char *what, const std::vector<double> &samples, Figures &figures);
/// Small batches, pushes of new keys and pulls of old ones in turn, until the table has twice its rows; beside each
/// pair reads at known places, arithmetic and a loop that reads the clock, whose tails are the machine's own.
void measurePauses(runtime::SparseTable &table, uint64_t rows, const std::vector<float> &gradients, Figures &figures);

/// A table with memory for a tenth of its rows, and files for the rest in `folder`: misses beside what the disk gives,
/// and the tail of batches that only hit beside that of a table in memory. Ends the program if a file fails.
void measureTiers(uint64_t rows, const std::string &folder, Figures &figures);

} // namespace heter::bench

#endif // HETER_BENCH_TABLE_SECTIONS_H
