// Large batches.
#include "bench/table/Sections.h"

#include "runtime/base/ParallelFor.h"

#include <memory>
#include <thread>

using namespace heter::runtime;

namespace heter::bench {

static constexpr int rounds = 15;

/// Two threads, half of the calls each.
template <typename Call> static void onTwoThreads(Call call) {
  std::thread other([&] { call(1); });
  call(0);
  other.join();
}

void comparePulls(SparseTable &table, CuckooMap *cuckoo, const PlainRows &plain, const Queries &queries,
                  Figures &figures) {
  std::vector<float> out(batchKeys * dim);
  const auto read = [&](int turn, size_t b, float *to, bool near) { plain.read(queries.numbersOf(turn, b), to, near); };
  const auto readAll = [&](int turn, bool near) {
    for (size_t b = 0; b < batchesPerTurn; ++b)
      read(turn, b, out.data(), near);
  };
  const auto halves = [&](auto call) {
    onTwoThreads([&](size_t thread) {
      std::vector<float> own(batchKeys * dim);
      for (size_t b = thread; b < batchesPerTurn; b += 2)
        call(b, own.data());
    });
  };
  std::vector<Contender> contenders = {
      {"pull", "pull, one thread",
       [&](int turn) {
         for (size_t b = 0; b < batchesPerTurn; ++b)
           table.pull(0, queries.batch(turn, b), out.data());
       }},
      {"pull_two_threads", "pull, two threads",
       [&](int turn) { halves([&](size_t b, float *to) { table.pull(0, queries.batch(turn, b), to); }); }, 0, true},
      {"reads", "reads of the rows' lines, to the nearest cache", [&](int turn) { readAll(turn, true); }},
      {"reads_two_threads", "the same, two threads",
       [&](int turn) { halves([&](size_t b, float *to) { read(turn, b, to, true); }); }, 2, true},
      {"reads_second_cache", "reads of the rows' lines, to the second cache", [&](int turn) { readAll(turn, false); }},
  };
  if (cuckoo)
    contenders.push_back({"libcuckoo_find", "libcuckoo find_fn", [&](int turn) {
                            for (size_t b = 0; b < batchesPerTurn; ++b)
                              cuckoo->pull(queries.batch(turn, b), out.data());
                          }});
  const Disturbance disturbance;
  compare(contenders, batchKeys * batchesPerTurn, rounds, figures);
  disturbance.report("pull", figures);
}

void comparePushes(SparseTable &table, CuckooMap *cuckoo, const Queries &queries, const std::vector<float> &gradients,
                   Figures &figures) {
  const std::unique_ptr<Scheduler> workers = makeThreadedScheduler(2);
  std::vector<Contender> contenders = {{"push", "push with Adagrad, one thread",
                                        [&](int turn) {
                                          for (size_t b = 0; b < batchesPerTurn; ++b)
                                            push(table, queries.batch(turn, b), gradients.data());
                                        }},
                                       {"push_two_threads", "push, two threads, a batch each",
                                        [&](int turn) {
                                          onTwoThreads([&](size_t thread) {
                                            for (size_t b = thread; b < batchesPerTurn; b += 2)
                                              push(table, queries.batch(turn, b), gradients.data());
                                          });
                                        },
                                        0, true},
                                       {"push_in_pieces", "push, two threads, one batch in pieces",
                                        [&](int turn) {
                                          for (size_t b = 0; b < batchesPerTurn; ++b) {
                                            const RowGradients gradient{queries.batch(turn, b),
                                                                        {gradients.data(), batchKeys * dim}};
                                            const PartGradients part{0, {&gradient, 1}};
                                            const SparseTable::Update update(table, {&part, 1}, 1.0F, {});
                                            // As a store has them run: its workers are there already.
                                            parallelFor(*workers, SparseTable::Update::pieces,
                                                        [&](int64_t piece) { update.run(static_cast<int>(piece)); });
                                          }
                                        },
                                        0, true}};
  if (cuckoo)
    contenders.push_back({"libcuckoo_update", "libcuckoo update_fn, the same arithmetic", [&](int turn) {
                            for (size_t b = 0; b < batchesPerTurn; ++b)
                              cuckoo->push(queries.batch(turn, b), gradients.data());
                          }});
  const Disturbance disturbance;
  compare(contenders, batchKeys * batchesPerTurn, rounds, figures);
  disturbance.report("push", figures);
}

} // namespace heter::bench
