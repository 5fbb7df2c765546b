// Edit distance and habits for "did you mean".
#include "frontend/syntax/Suggest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace heter::frontend {

static std::string lower(std::string_view text) {
  std::string result(text);
  for (char &c : result)
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Levenshtein distance with transposed neighbours counted once.
static size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    now[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = std::min(now[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, now);
  }
  return last[b.size()];
}

std::string nearest(std::string_view name, const std::vector<std::string> &candidates) {
  if (name.size() > 64)
    return "";
  std::string wanted = lower(name), best;
  size_t bestDistance = name.size() / 3 + 1;
  bool tied = false;
  for (const std::string &candidate : candidates) {
    if (candidate == name || candidate.size() > 96 || candidate == best)
      continue;
    size_t d = distance(wanted, lower(candidate));
    if (d < bestDistance) {
      bestDistance = d;
      best = candidate;
      tied = false;
    } else if (d == bestDistance && !best.empty()) {
      tied = true;
    }
  }
  return tied ? "" : best;
}

std::string habit(std::string_view name) {
  static const std::pair<std::string_view, std::string_view> habits[] = {
      {"def", "fn"},           {"func", "fn"},        {"function", "fn"},      {"lambda", "fn"},
      {"let", "const"},        {"var", "const"},      {"elif", "else if"},     {"True", "true"},
      {"False", "false"},      {"None", "zeros"},     {"dense", "linear"},     {"Dense", "linear"},
      {"fc", "linear"},        {"Linear", "linear"},  {"embedding", "lookup"}, {"Embedding", "lookup"},
      {"gather", "lookup"},    {"cat", "concat"},     {"hstack", "concat"},    {"reduce_sum", "sum"},
      {"reduce_mean", "mean"}, {"reduce_max", "max"}, {"pow", "square"},       {"bce", "sigmoid_cross_entropy"},
      {"float", "f32"},        {"float32", "f32"},    {"int", "i64"},          {"int64", "i64"},
      {"foreach", "for"},      {"match", "switch"},   {"loss", "minimize"},    {"metric", "report"},
      {"maximize", "minimize"}};
  for (const auto &[from, to] : habits)
    if (name == from)
      return std::string(to);
  return "";
}

std::string didYouMean(std::string_view name, const std::vector<std::string> &candidates) {
  std::string best = nearest(name, candidates);
  if (best.empty()) {
    std::string known = habit(name);
    if (!known.empty() && std::find(candidates.begin(), candidates.end(), known) != candidates.end())
      best = known;
  }
  return best.empty() ? "" : "did you mean `" + best + "`?";
}

} // namespace heter::frontend
