// Generated click data with a known answer: lines in Criteo's form (label, 13 integers, 26 categories of 8 hex digits,
// separated by tabs, some empty) drawn from a planted model, so that the best AUC that any model can reach is known.
//
// The planted model is one and the same for every seed; the seed only draws the examples. So files made with different
// seeds are a training set and a test set of one problem.
//
// The model: each of the 26 fields has a vocabulary whose keys follow a Zipf law; a frequent key belongs to one of a
// few levels, a rare key to level 0. The dense values and the fields are independent of each other. The click's
// log-odds are
//   bias + sum over dense columns of a function of the value
//        + sum over fields of main(level) + sum over five pairs of fields of (interaction of the two levels).
// Independence makes the restricted optima simple: as log-odds = dense part + id part with independent parts, the best
// ranking by the dense values alone is the one by the dense part, and likewise for the ids alone.
#ifndef HETER_RUNTIME_DATA_SYNTH_H
#define HETER_RUNTIME_DATA_SYNTH_H

#include "runtime/base/FileSystem.h"
#include "runtime/base/Status.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace heter::runtime {

/// Which ids the examples have, instead of the planted model's own: for measuring, as frequencies and numbers of ids
/// are then what one asks for. No id is missing; the frequent ones still have levels, so there is something to learn.
struct SynthIds {
  int64_t distinct = 0; ///< In all fields together, as evenly as possible. 0: the planted model's own ids.
  double zipf = 0;      ///< A field's id of rank r, from 1, comes up as often as r^-zipf; 0: all equally often.
  bool inTurn = false;  ///< Example i has each field's id of rank i, so that ceil(distinct / fields) show every id.
};

class SynthModel {
public:
  static constexpr int denseColumns = 13;
  static constexpr int fields = 26;
  static constexpr int levels = 3; ///< Of a field's keys; level 0 is that of rare and missing keys.
  static constexpr int64_t mostIds = int64_t{fields} << 24;
  static constexpr int pairCount = 5; ///< Pairs of fields that interact; each of fields 0..9 is in one.

  struct Example {
    std::array<int32_t, denseColumns> dense; ///< Index into the column's table of values.
    std::array<int32_t, fields> rank;        ///< The key's place in its field by frequency, from 0; -1: missing.
    float denseScore;
    float idScore;
    float probability; ///< Of a click.
    bool click;
  };

  /// REQUIRES: ids.distinct is 0, or from `fields` to mostIds.
  explicit SynthModel(const SynthIds &ids = {});

  /// The example with number `index` of the sample that `seed` draws.
  void draw(uint64_t seed, int64_t index, Example &example) const;

  /// Appends the example as a line with its line feed.
  void appendLine(const Example &example, std::string &text) const;

  /// How many keys a field has.
  int32_t vocabulary(int field) const { return static_cast<int32_t>(fields_[static_cast<size_t>(field)].level.size()); }
  /// The level of a key, or of a missing one (rank -1).
  int level(int field, int32_t rank) const;
  /// What the reader makes of a dense value: log1p(max(x, 0)), missing as 0.
  float denseInput(int column, int32_t index) const;

private:
  struct DenseColumn {
    std::vector<std::string> text;
    std::vector<float> input;
    std::vector<float> effect;
  };
  struct Field {
    std::vector<uint32_t> threshold; ///< Alias table of the Zipf law.
    std::vector<int32_t> alias;
    std::vector<uint8_t> level;
    std::array<float, levels> main;
    uint32_t missing; ///< A 32-bit word below this makes the field empty.
  };
  struct Pair {
    int first, second;
    std::array<float, size_t{levels} * levels> effect;
  };

  int32_t plannedVocabulary(int field) const;
  void makeDense();
  void makeFields();
  void makePairs();

  const SynthIds ids_;
  std::vector<DenseColumn> dense_;
  std::vector<Field> fields_;
  std::vector<Pair> pairs_;
};

/// AUC that predictions reach in expectation where each click has a known probability, by a histogram over a range of
/// scores. Thread-compatible.
class ExpectedAuc {
public:
  ExpectedAuc(double lowest, double highest);
  void add(double score, double probability);
  double compute() const;

private:
  double lowest_, scale_;
  std::vector<double> positive_, negative_;
};

struct SynthReport {
  int64_t examples = 0;
  int64_t clicks = 0;
  int64_t distinctKeys = 0;
  double bayesAuc = 0; ///< Of the true probabilities: what the best model reaches in expectation on these examples.
  double denseAuc = 0; ///< The best that the dense values alone can reach.
  double idAuc = 0;    ///< The best that the ids alone can reach.
};

/// Writes examples 0..examples-1 of the sample that `seed` draws to `path`. REQUIRES: examples >= 1, and of `ids` what
/// SynthModel does.
StatusOr<SynthReport> writeSynth(FileSystem &files, const std::string &path, int64_t examples, uint64_t seed,
                                 const SynthIds &ids = {});

} // namespace heter::runtime

#endif // HETER_RUNTIME_DATA_SYNTH_H
