// Optimal string alignment distance and the choice of one near word.
#include "runtime/base/Suggest.h"

#include <algorithm>
#include <vector>

namespace heter::runtime {

int editDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<int>> cost(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    cost[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j)
    cost[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      int replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({replace, cost[i - 1][j] + 1, cost[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

std::string nearestWord(std::string_view word, std::span<const std::string> candidates) {
  if (word.empty())
    return "";
  int best = std::max<int>(1, static_cast<int>(word.size()) / 3) + 1;
  const std::string *found = nullptr;
  for (const std::string &candidate : candidates) {
    int distance = editDistance(word, candidate);
    if (distance < best) {
      best = distance;
      found = &candidate;
    } else if (distance == best && found && *found != candidate) {
      found = nullptr;
    }
  }
  return found ? *found : "";
}

std::string didYouMean(std::string_view word, std::span<const std::string> candidates) {
  std::string near = nearestWord(word, candidates);
  return near.empty() ? "" : "; did you mean `" + near + "`?";
}

} // namespace heter::runtime
