// What the mutators of a package's structures share: strange numbers and texts, and changes to lists.
#ifndef HETER_TESTS_FUZZ_MUTATIONS_H
#define HETER_TESTS_FUZZ_MUTATIONS_H

#include "runtime/package/Package_types.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace heter::fuzz {

using Random = std::minstd_rand;

inline size_t pick(Random &random, size_t count) { return count == 0 ? 0 : random() % count; }

inline int64_t number(Random &random) {
  constexpr int64_t strange[] = {-2,
                                 -1,
                                 0,
                                 1,
                                 2,
                                 3,
                                 4,
                                 7,
                                 8,
                                 63,
                                 64,
                                 65,
                                 128,
                                 1 << 20,
                                 std::numeric_limits<int32_t>::max(),
                                 std::numeric_limits<int32_t>::min(),
                                 int64_t{1} << 32,
                                 int64_t{1} << 56,
                                 std::numeric_limits<int64_t>::max(),
                                 std::numeric_limits<int64_t>::min()};
  return strange[pick(random, std::size(strange))];
}

/// Adds, removes, doubles, moves or changes an element.
template <typename List, typename Change> void mutateList(List &list, Random &random, Change change) {
  if (list.empty()) {
    list.insert(list.end(), typename List::value_type());
    return change(list.back());
  }
  size_t at = pick(random, list.size());
  auto here = list.begin() + static_cast<ptrdiff_t>(at);
  switch (random() % 8) {
  case 0:
    list.erase(here);
    break;
  case 1: {
    auto copy = list[at];
    list.insert(list.begin() + static_cast<ptrdiff_t>(pick(random, list.size() + 1)), copy);
    break;
  }
  case 2:
    std::swap(list[at], list[pick(random, list.size())]);
    break;
  default:
    change(list[at]);
  }
}

inline void mutateText(std::string &text, Random &random) {
  constexpr const char *texts[] = {
      "",     "none",      "sum",  "mean",  "sum mean", "none sum", "B",    "x",          "emb",      "w",    "c0",
      "c1",   "..",        "a/b",  "loss",  "auc",      "0",        "-1",   "zeros",      "normal",   "adam", "cpu",
      "relu", "relu_grad", "bf16", "pools", "begins",   "dim",      "axis", "activation", "precision"};
  if (random() % 2)
    text = texts[pick(random, std::size(texts))];
  else
    mutateList(text, random, [&](char &c) { c = static_cast<char>(random()); });
}

void mutateAttribute(runtime::package::Attribute &attribute, Random &random);
void mutateType(runtime::package::TensorType &type, Random &random);

} // namespace heter::fuzz

#endif // HETER_TESTS_FUZZ_MUTATIONS_H
