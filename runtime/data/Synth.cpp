// The planted model of `heter data synth` and its writer.
#include "runtime/data/Synth.h"

#include "runtime/base/Random.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

namespace heter::runtime {

namespace {

/// Draws the model, never the examples. Another number is another problem.
constexpr uint64_t modelSeed = 20260101;

constexpr int denseValues = 1024;    // Equally likely values of a dense column.
constexpr int32_t frequentKeys = 24; // Keys of a field that may have a level above 0.
constexpr double bias = -1.4;
constexpr double denseScale = 0.37;
constexpr double mainScale = 0.38;
constexpr double pairScale = 0.4;
constexpr double otherFields = 0.4; // The main effects of fields that are in no pair, relative to the others.
/// What a level stands for: its main effect and its interactions are multiples of this.
constexpr std::array<double, SynthModel::levels> latent = {0.0, -1.0, 1.0};

/// Vocabulary sizes: a few fields hold nearly all keys, as in real click data.
constexpr std::array<int32_t, SynthModel::fields> vocabularies = {
    300, 500, 200, 1000, 100, 400, 800, 60, 2000, 150,    700,    250,    1500,
    120, 350, 90,  600,  180, 450, 900, 30, 20,   200000, 250000, 300000, 350000};

/// A stream of uniform numbers for building the model.
class ModelRandom {
public:
  explicit ModelRandom(const char *name) : key_(philoxKey(modelSeed, name)) {}
  double uniform() {
    if (next_ == 4) {
      words_ = philox4x32({counter_++, 0, 0, 0}, key_);
      next_ = 0;
    }
    return (words_[next_++] + 0.5) * 0x1p-32;
  }
  double between(double low, double high) { return low + (high - low) * uniform(); }
  double sign() { return uniform() < 0.5 ? -1.0 : 1.0; }

private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> words_{};
  uint32_t counter_ = 0;
  size_t next_ = 4;
};

/// The p-quantile of the standard normal distribution, by bisection of erfc: only used to build tables.
double normalQuantile(double p) {
  double low = -8, high = 8;
  for (int i = 0; i < 60; ++i) {
    double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

/// Fills an alias table (Vose's method) for a law given by weights.
void makeAliasTable(std::vector<double> weights, std::vector<uint32_t> &threshold, std::vector<int32_t> &alias) {
  auto count = static_cast<int32_t>(weights.size());
  double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / count;
  threshold.assign(weights.size(), 0xffffffffU);
  alias.resize(weights.size());
  std::iota(alias.begin(), alias.end(), 0);
  std::vector<int32_t> small, large;
  for (int32_t i = 0; i < count; ++i)
    (weights[i] < mean ? small : large).push_back(i);
  while (!small.empty() && !large.empty()) {
    int32_t less = small.back(), more = large.back();
    small.pop_back();
    threshold[less] = static_cast<uint32_t>(weights[less] / mean * 0x1p32);
    alias[less] = more;
    weights[more] -= mean - weights[less];
    if (weights[more] < mean) {
      large.pop_back();
      small.push_back(more);
    }
  }
}

/// A bijection of 32-bit words (the finaliser of MurmurHash3), so that every key has its own 8 digits.
uint32_t keyText(int field, int32_t rank) {
  uint32_t h = static_cast<uint32_t>(field) << 24 | static_cast<uint32_t>(rank);
  h ^= h >> 16;
  h *= 0x85ebca6bU;
  h ^= h >> 13;
  h *= 0xc2b2ae35U;
  return h ^ (h >> 16);
}

} // namespace

SynthModel::SynthModel(const SynthIds &ids) : ids_(ids) {
  makeDense();
  makeFields();
  makePairs();
}

void SynthModel::makeDense() {
  ModelRandom random("synth.dense");
  for (int column = 0; column < denseColumns; ++column) {
    // Log-normal counts, whose effect is linear in the logarithm; missing values have that of 0.
    double center = random.between(1.0, 3.0), spread = random.between(0.6, 1.2),
           weight = column < 5 ? random.between(0.8, 1.2) : 0.2;
    double sign = random.sign(), missing = column % 3 == 1 ? random.between(0.05, 0.3) : 0.0;
    DenseColumn result;
    for (int i = 0; i < denseValues; ++i) {
      double p = (i + 0.5) / denseValues;
      if (p < missing) {
        result.text.emplace_back();
        result.input.push_back(0);
      } else {
        double normal = normalQuantile((p - missing) / (1 - missing));
        auto value = static_cast<int64_t>(std::min(std::exp(center + spread * normal), 1e6)) - (column == 1 ? 2 : 0);
        result.text.push_back(std::to_string(value));
        result.input.push_back(static_cast<float>(std::log1p(static_cast<double>(std::max<int64_t>(value, 0)))));
      }
      double shape = (result.input.back() - center) / spread;
      result.effect.push_back(static_cast<float>(denseScale * sign * weight * shape));
    }
    // Centered, so that the bias alone sets the rate of clicks.
    float mean = std::accumulate(result.effect.begin(), result.effect.end(), 0.0f) / denseValues;
    for (float &effect : result.effect)
      effect -= mean;
    dense_.push_back(std::move(result));
  }
}

/// How many keys a field is to have.
int32_t SynthModel::plannedVocabulary(int field) const {
  if (ids_.distinct == 0)
    return vocabularies[static_cast<size_t>(field)];
  return static_cast<int32_t>(ids_.distinct / fields + (field < ids_.distinct % fields ? 1 : 0));
}

void SynthModel::makeFields() {
  ModelRandom random("synth.fields");
  for (int index = 0; index < fields; ++index) {
    Field field;
    int32_t count = plannedVocabulary(index);
    double exponent = count > 100000 ? random.between(1.05, 1.15) : random.between(1.5, 1.9);
    if (ids_.distinct > 0)
      exponent = ids_.zipf;
    std::vector<double> weights(static_cast<size_t>(count));
    for (int32_t rank = 0; rank < count; ++rank)
      weights[static_cast<size_t>(rank)] = std::pow(rank + 1.0, -exponent);
    makeAliasTable(weights, field.threshold, field.alias);
    // Frequent keys are dealt so that the levels above 0 have near to equal shares: each to the one with the least so
    // far.
    std::array<double, levels> share{};
    field.level.assign(static_cast<size_t>(count), 0);
    for (int32_t rank = 0; rank < std::min(count, frequentKeys); ++rank) {
      auto least = std::min_element(share.begin() + 1, share.end()) - share.begin();
      field.level[static_cast<size_t>(rank)] = static_cast<uint8_t>(least);
      share[static_cast<size_t>(least)] += weights[static_cast<size_t>(rank)];
    }
    double weight = random.between(0.7, 1.3) * random.sign() * (index < 2 * pairCount ? 1.0 : otherFields);
    for (size_t l = 0; l < levels; ++l)
      field.main[l] = static_cast<float>(mainScale * weight * latent[l]);
    bool canMiss = index % 4 == 2 && ids_.distinct == 0;
    field.missing = canMiss ? static_cast<uint32_t>(random.between(0.02, 0.3) * 0x1p32) : 0;
    fields_.push_back(std::move(field));
  }
}

void SynthModel::makePairs() {
  ModelRandom random("synth.pairs");
  for (int i = 0; i < pairCount; ++i) {
    Pair pair{2 * i, 2 * i + 1, {}};
    double weight = random.between(0.8, 1.2) * random.sign();
    for (size_t a = 0; a < levels; ++a)
      for (size_t b = 0; b < levels; ++b)
        pair.effect[a * levels + b] = static_cast<float>(pairScale * weight * latent[a] * latent[b]);
    pairs_.push_back(pair);
  }
}

int SynthModel::level(int field, int32_t rank) const {
  return rank < 0 ? 0 : fields_[static_cast<size_t>(field)].level[static_cast<size_t>(rank)];
}

float SynthModel::denseInput(int column, int32_t index) const {
  return dense_[static_cast<size_t>(column)].input[static_cast<size_t>(index)];
}

void SynthModel::draw(uint64_t seed, int64_t index, Example &example) const {
  const std::array<uint32_t, 2> key = philoxKey(seed, "synth");
  std::array<uint32_t, 4> words{};
  uint32_t block = 0;
  int used = 4;
  auto next = [&] {
    if (used == 4) {
      words = philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), block++, 0}, key);
      used = 0;
    }
    return words[static_cast<size_t>(used++)];
  };
  float denseScore = 0, idScore = 0;
  for (size_t column = 0; column < denseColumns; ++column) {
    auto value = static_cast<int32_t>(next() % denseValues);
    example.dense[column] = value;
    denseScore += dense_[column].effect[static_cast<size_t>(value)];
  }
  std::array<uint8_t, fields> level{};
  for (size_t i = 0; i < fields; ++i) {
    const Field &field = fields_[i];
    auto slot = static_cast<int32_t>(static_cast<uint64_t>(next()) * field.alias.size() >> 32);
    int32_t rank = next() < field.threshold[static_cast<size_t>(slot)] ? slot : field.alias[static_cast<size_t>(slot)];
    if (field.missing != 0 && next() < field.missing)
      rank = -1;
    if (ids_.inTurn)
      rank = static_cast<int32_t>(index % static_cast<int64_t>(field.level.size()));
    example.rank[i] = rank;
    level[i] = rank < 0 ? 0 : field.level[static_cast<size_t>(rank)];
    idScore += field.main[level[i]];
  }
  for (const Pair &pair : pairs_)
    idScore +=
        pair.effect[size_t{level[static_cast<size_t>(pair.first)]} * levels + level[static_cast<size_t>(pair.second)]];
  example.denseScore = denseScore;
  example.idScore = idScore;
  double logit = bias + denseScore + idScore;
  example.probability = static_cast<float>(1.0 / (1.0 + std::exp(-logit)));
  example.click = uniformFloat(next()) < example.probability;
}

void SynthModel::appendLine(const Example &example, std::string &text) const {
  text += example.click ? '1' : '0';
  for (size_t column = 0; column < denseColumns; ++column) {
    text += '\t';
    text += dense_[column].text[static_cast<size_t>(example.dense[column])];
  }
  for (int field = 0; field < fields; ++field) {
    text += '\t';
    int32_t rank = example.rank[static_cast<size_t>(field)];
    if (rank < 0)
      continue;
    uint32_t word = keyText(field, rank);
    for (int shift = 28; shift >= 0; shift -= 4)
      text += "0123456789abcdef"[word >> shift & 15];
  }
  text += '\n';
}

ExpectedAuc::ExpectedAuc(double lowest, double highest)
    : lowest_(lowest), scale_((1 << 16) / (highest - lowest)), positive_(1 << 16), negative_(1 << 16) {}

void ExpectedAuc::add(double score, double probability) {
  auto bucket = static_cast<size_t>(std::clamp((score - lowest_) * scale_, 0.0, (1 << 16) - 1.0));
  positive_[bucket] += probability;
  negative_[bucket] += 1 - probability;
}

double ExpectedAuc::compute() const {
  double area = 0, below = 0, positives = 0;
  for (size_t bucket = 0; bucket < positive_.size(); ++bucket) {
    area += positive_[bucket] * (below + negative_[bucket] / 2);
    below += negative_[bucket];
    positives += positive_[bucket];
  }
  return area / positives / below;
}

StatusOr<SynthReport> writeSynth(FileSystem &files, const std::string &path, int64_t examples, uint64_t seed,
                                 const SynthIds &ids) {
  constexpr size_t chunkBytes = size_t{1} << 20;
  constexpr double widest = 20; // Of log-odds.
  SynthModel model(ids);
  HETER_ASSIGN_OR_RETURN(std::unique_ptr<OutputFile> file, files.openForWrite(path));
  SynthReport report;
  report.examples = examples;
  ExpectedAuc bayes(-widest, widest), dense(-widest, widest), idsAlone(-widest, widest);
  std::array<std::vector<bool>, SynthModel::fields> seen;
  for (int field = 0; field < SynthModel::fields; ++field)
    seen[static_cast<size_t>(field)].resize(static_cast<size_t>(model.vocabulary(field)));
  std::string text;
  SynthModel::Example example{};
  for (int64_t i = 0; i < examples; ++i) {
    model.draw(seed, i, example);
    model.appendLine(example, text);
    if (text.size() >= chunkBytes) {
      HETER_RETURN_IF_ERROR(file->append(text));
      text.clear();
    }
    report.clicks += example.click;
    bayes.add(static_cast<double>(example.denseScore) + example.idScore, example.probability);
    dense.add(example.denseScore, example.probability);
    idsAlone.add(example.idScore, example.probability);
    for (size_t field = 0; field < SynthModel::fields; ++field)
      if (int32_t rank = example.rank[field]; rank >= 0 && !seen[field][static_cast<size_t>(rank)]) {
        seen[field][static_cast<size_t>(rank)] = true;
        ++report.distinctKeys;
      }
  }
  HETER_RETURN_IF_ERROR(file->append(text));
  HETER_RETURN_IF_ERROR(file->close());
  report.bayesAuc = bayes.compute();
  report.denseAuc = dense.compute();
  report.idAuc = idsAlone.compute();
  return report;
}

} // namespace heter::runtime
