// The planted model: deterministic, readable by the samples' binding, and with known limits of what each kind of model
// can reach.
//
// How the limits are measured. log-odds = dense part + id part, and the two are independent, so the best ranking by the
// dense values alone is by the dense part, and by the ids alone by the id part: their AUCs are computed, not trained.
// For logistic regression: a click depends on a key only through the key's level, and keys are drawn independently, so
// giving all keys of a level their mean weight never raises the expected log loss (it is convex). The best logistic
// regression over keys is therefore one over levels, with 26 * 3 weights, which is fitted here to convergence.
// All AUCs are expectations under the true probabilities of the examples.
#include "runtime/data/Synth.h"

#include "DataTesting.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstdio>
#include <map>

using namespace heter::runtime;
using namespace heter::runtime::testing;

namespace {

constexpr int64_t exampleCount = 60000;
constexpr double gap = 0.03;

const SynthModel &model() {
  static const SynthModel shared;
  return shared;
}

/// Online logistic regression on dense inputs and levels.
class LogisticRegression {
public:
  void train(uint64_t seed, int64_t count) {
    SynthModel::Example example{};
    for (int64_t i = 0; i < count; ++i) {
      model().draw(seed, i, example);
      double gradient = 1 / (1 + std::exp(-score(example))) - (example.click ? 1.0 : 0.0);
      for (size_t k = 0; k < index_.size(); ++k) {
        double g = gradient * value_[k];
        squares_[index_[k]] += g * g;
        weights_[index_[k]] -= 0.05 * g / std::sqrt(squares_[index_[k]] + 1e-8);
      }
    }
  }

  double score(const SynthModel::Example &example) {
    index_.clear();
    value_.clear();
    add(0, 1);
    for (int column = 0; column < SynthModel::denseColumns; ++column)
      add(1 + static_cast<size_t>(column), model().denseInput(column, example.dense[static_cast<size_t>(column)]) / 3);
    for (int field = 0; field < SynthModel::fields; ++field)
      add(1 + SynthModel::denseColumns +
              static_cast<size_t>(field * SynthModel::levels +
                                  model().level(field, example.rank[static_cast<size_t>(field)])),
          1);
    double sum = 0;
    for (size_t k = 0; k < index_.size(); ++k)
      sum += weights_[index_[k]] * value_[k];
    return sum;
  }

private:
  void add(size_t index, double value) {
    index_.push_back(index);
    value_.push_back(value);
  }
  static constexpr size_t size = 1 + SynthModel::denseColumns + SynthModel::fields * SynthModel::levels;
  std::array<double, size> weights_{}, squares_{};
  std::vector<size_t> index_;
  std::vector<double> value_;
};

TEST(SynthTest, RestrictedModelsStayBelowTheBayesAuc) {
  LogisticRegression regression;
  for (int pass = 0; pass < 3; ++pass)
    regression.train(11, exampleCount);
  ExpectedAuc bayes(-20, 20), dense(-20, 20), ids(-20, 20), linear(-20, 20);
  SynthModel::Example example{};
  for (int64_t i = 0; i < exampleCount; ++i) {
    model().draw(12, i, example);
    bayes.add(static_cast<double>(example.denseScore) + example.idScore, example.probability);
    dense.add(example.denseScore, example.probability);
    ids.add(example.idScore, example.probability);
    linear.add(regression.score(example), example.probability);
  }
  double best = bayes.compute();
  std::printf("Bayes AUC %.4f, dense values %.4f, ids %.4f, logistic regression %.4f\n", best, dense.compute(),
              ids.compute(), linear.compute());
  EXPECT_GE(best, 0.75);
  EXPECT_LE(best, 0.85);
  EXPECT_LE(dense.compute(), best - gap);
  EXPECT_LE(ids.compute(), best - gap);
  EXPECT_LE(linear.compute(), best - gap);
  EXPECT_GE(linear.compute(), std::max(dense.compute(), 0.75)) << "the regression did not converge";
}

TEST(SynthTest, FivePairsOfFieldsInteract) {
  static_assert(SynthModel::pairCount >= 5);
  constexpr size_t levels = SynthModel::levels;
  std::array<std::array<double, levels * levels>, SynthModel::pairCount> sum{}, count{};
  SynthModel::Example example{};
  for (int64_t i = 0; i < exampleCount; ++i) {
    model().draw(3, i, example);
    for (size_t pair = 0; pair < SynthModel::pairCount; ++pair) {
      int a = model().level(static_cast<int>(2 * pair), example.rank[2 * pair]);
      int b = model().level(static_cast<int>(2 * pair + 1), example.rank[2 * pair + 1]);
      auto cell = static_cast<size_t>(a) * levels + static_cast<size_t>(b);
      sum[pair][cell] += example.idScore;
      ++count[pair][cell];
    }
  }
  for (size_t pair = 0; pair < SynthModel::pairCount; ++pair) {
    auto mean = [&](size_t a, size_t b) { return sum[pair][a * levels + b] / count[pair][a * levels + b]; };
    // Zero, up to noise, if the effects of the two fields only add up.
    EXPECT_GT(std::abs(mean(2, 2) - mean(2, 1) - mean(1, 2) + mean(1, 1)), 0.5) << pair;
  }
}

TEST(SynthTest, HasManyKeys) {
  std::vector<std::vector<bool>> seen(SynthModel::fields);
  for (int field = 0; field < SynthModel::fields; ++field)
    seen[static_cast<size_t>(field)].resize(static_cast<size_t>(model().vocabulary(field)));
  int64_t distinct = 0;
  SynthModel::Example example{};
  for (int64_t i = 0; i < 400000; ++i) {
    model().draw(1, i, example);
    for (size_t field = 0; field < SynthModel::fields; ++field)
      if (int32_t rank = example.rank[field]; rank >= 0 && !seen[field][static_cast<size_t>(rank)]) {
        seen[field][static_cast<size_t>(rank)] = true;
        ++distinct;
      }
  }
  EXPECT_GE(distinct, 200000);
}

TEST(SynthTest, IdsAreAsManyAsAskedFor) {
  SynthModel even({.distinct = 1000});
  int64_t total = 0;
  for (int field = 0; field < SynthModel::fields; ++field) {
    EXPECT_NEAR(even.vocabulary(field), 1000.0 / SynthModel::fields, 1);
    total += even.vocabulary(field);
  }
  EXPECT_EQ(total, 1000);
}

TEST(SynthTest, IdsInTurnShowEveryId) {
  TempFolder folder;
  auto files = makePosixFileSystem();
  const int64_t distinct = 26 * 40 + 3;
  auto report = writeSynth(*files, folder.path("s"), 41, 1, {.distinct = distinct, .inTurn = true});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->distinctKeys, distinct);
  report = writeSynth(*files, folder.path("s"), 40, 1, {.distinct = distinct, .inTurn = true});
  ASSERT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(report->distinctKeys, distinct - 3) << "no smaller file shows all";
}

TEST(SynthTest, IdsFollowTheLawAskedFor) {
  constexpr int64_t keys = 50, examples = 20000;
  for (double exponent : {0.0, 1.05}) {
    SynthModel law({.distinct = keys * SynthModel::fields, .zipf = exponent});
    std::vector<double> count(keys);
    SynthModel::Example example{};
    for (int64_t i = 0; i < examples; ++i) {
      law.draw(5, i, example);
      for (int32_t rank : example.rank)
        ++count.at(static_cast<size_t>(rank)); // no id is missing
    }
    double weights = 0;
    for (int64_t rank = 1; rank <= keys; ++rank)
      weights += std::pow(rank, -exponent);
    for (int64_t rank = 1; rank <= keys; ++rank) {
      const double expected = std::pow(rank, -exponent) / weights * examples * SynthModel::fields;
      EXPECT_NEAR(count[static_cast<size_t>(rank) - 1], expected, 6 * std::sqrt(expected)) << exponent << " " << rank;
    }
  }
}

TEST(SynthTest, FilesAreReadBackAsDrawn) {
  TempFolder folder;
  auto files = makePosixFileSystem();
  std::string path = folder.path("synth.tsv");
  auto report = writeSynth(*files, path, 500, 9);
  ASSERT_TRUE(report.ok()) << report.status().message();
  DataOptions options;
  options.files = {path};
  options.batchSize = 500;
  ReadResult result = readAll(criteoSource(), criteoInputs(), options);
  ASSERT_TRUE(result.status.ok()) << result.status.message();
  ASSERT_EQ(result.batches.size(), 1u);
  const Batch &batch = *result.batches[0];
  SynthModel::Example example{};
  std::map<int64_t, std::pair<int, int32_t>> keys;
  double clicks = 0;
  for (size_t i = 0; i < 500; ++i) {
    model().draw(9, static_cast<int64_t>(i), example);
    EXPECT_EQ(batch.tensors[2].floats[i], example.click ? 1.0f : 0.0f);
    clicks += example.click ? 1 : 0;
    for (size_t column = 0; column < SynthModel::denseColumns; ++column)
      EXPECT_EQ(batch.tensors[0].floats[i * 13 + column],
                model().denseInput(static_cast<int>(column), example.dense[column]));
    for (size_t field = 0; field < SynthModel::fields; ++field) {
      std::pair<int, int32_t> key(static_cast<int>(field), example.rank[field]);
      auto [found, inserted] = keys.try_emplace(batch.tensors[1].integers[i * 26 + field], key);
      EXPECT_EQ(found->second, key) << "two keys share an id";
    }
  }
  EXPECT_EQ(report->clicks, static_cast<int64_t>(clicks));
  EXPECT_EQ(report->examples, 500);
}

TEST(SynthTest, TheSeedDecides) {
  TempFolder folder;
  auto files = makePosixFileSystem();
  auto text = [&](uint64_t seed, int64_t count) {
    EXPECT_TRUE(writeSynth(*files, folder.path("s"), count, seed).ok());
    return *files->readFile(folder.path("s"));
  };
  std::string first = text(1, 50);
  EXPECT_EQ(first, text(1, 50));
  EXPECT_NE(first, text(2, 50));
  EXPECT_TRUE(text(1, 80).starts_with(first)) << "more examples go on from fewer";
}

TEST(SynthTest, LinesHaveCriteosForm) {
  std::string lines;
  SynthModel::Example example{};
  int empty = 0;
  for (int64_t i = 0; i < 200; ++i) {
    std::string line;
    model().draw(1, i, example);
    model().appendLine(example, line);
    ASSERT_EQ(line.back(), '\n');
    std::vector<std::string> fields(1);
    for (char c : line.substr(0, line.size() - 1)) {
      if (c == '\t')
        fields.emplace_back();
      else
        fields.back().push_back(c);
    }
    ASSERT_EQ(fields.size(), 40u);
    EXPECT_TRUE(fields[0] == "0" || fields[0] == "1");
    for (size_t field = 14; field < 40; ++field) {
      empty += fields[field].empty() ? 1 : 0;
      EXPECT_TRUE(fields[field].empty() || fields[field].size() == 8) << fields[field];
      EXPECT_EQ(fields[field].find_first_not_of("0123456789abcdef"), std::string::npos);
    }
  }
  EXPECT_GT(empty, 0);
}

TEST(ExpectedAucTest, KnownValues) {
  ExpectedAuc sure(0, 1);
  sure.add(0.2, 0);
  sure.add(0.8, 1);
  EXPECT_DOUBLE_EQ(sure.compute(), 1.0);
  ExpectedAuc same(0, 1);
  same.add(0.5, 0.3);
  same.add(0.5, 0.9);
  EXPECT_DOUBLE_EQ(same.compute(), 0.5);
}

} // namespace
