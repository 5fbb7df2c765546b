// What a store refuses, and in which words: pushes that do not fit it, and models that it cannot hold.
#include "tests/runtime/table/TestModel.h"

#include <gtest/gtest.h>

namespace heter::runtime {
namespace {

using namespace test;

TEST(ParameterStore, refusesWhatDoesNotFit) {
  auto store = makeStore(makeModel(), 0, 2);
  const std::vector<uint64_t> foreign = {[] {
    uint64_t key = 0;
    while (ownerOfKey(key, 2) != 1)
      ++key;
    return key;
  }()};
  const std::vector<float> nine(9);
  EXPECT_EQ(store->stagePush({0, 0, 0, 0}, 1, PushRows{0, foreign, nine}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(store->stagePush({0, 0, 0, 0}, 1, PushRows{9, {}, {}}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(store->stagePush({0, 0, 0, 0}, 1, PushRows{0, {}, nine}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(store->stagePush({0, 0, 0, 0}, 1, PushDense{0, nine}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(store->stagePush({0, 0, 0, 0}, 1, PushDense{-1, nine}).code(), StatusCode::InvalidArgument);
  EXPECT_EQ(store->stagePush({1, 0, 0, 0}, 1, PushRows{0, {}, {}}).code(), StatusCode::FailedPrecondition);
  store->beginGeneration(1);
  EXPECT_TRUE(store->stagePush({1, 0, 0, 0}, 3, PushRows{0, {}, {}}).ok());
  EXPECT_EQ(store->stagePush({0, 0, 0, 0}, 1, PushRows{0, {}, {}}).code(), StatusCode::FailedPrecondition);
  EXPECT_EQ(store->closeStep(1, {}, 1).code(), StatusCode::FailedPrecondition);
  const std::vector<int32_t> first = {0};
  EXPECT_EQ(store->closeStep(0, first, 2).code(), StatusCode::InvalidArgument);
  EXPECT_TRUE(store->closeStep(0, first, 3).ok());
  EXPECT_EQ(store->findPart("emb", "weight").status().code(), StatusCode::NotFound);
  EXPECT_EQ(*store->findPart("fm", "vector"), 2);
}

TEST(ParameterStore, refusesCountsOfOtherKeys) {
  auto store = ParameterStore::create(makeModel(), resolveKernel, {});
  const std::vector<uint64_t> keys = {7};
  const std::vector<float> gradient(9, 1.0F), counts(3, 1.0F);
  const Status status = (*store)->stagePush({0, 0, 0, 0}, 1, PushRows{0, keys, gradient, nullptr, counts});
  EXPECT_NE(status.message().find("has 3 shows and clicks of its 1 keys"), std::string::npos) << status.message();
}

TEST(ParameterStore, refusesModelsItCannotHold) {
  const auto fails = [](auto edit, const std::string &message) {
    package::PackageInfo info = makeModel();
    edit(info);
    const auto store = ParameterStore::create(info, resolveKernel, {});
    ASSERT_FALSE(store.ok());
    EXPECT_NE(store.status().message().find(message), std::string::npos) << store.status().message();
  };
  fails([](auto &info) { info.tables[0].parts[0].optimizer.callee = "nope"; }, "kernel `nope`");
  fails([](auto &info) { info.tables[0].parts[0].init.kind = "odd"; }, "unknown initializer `odd`");
  fails([](auto &info) { info.tables[0].parts[0].dim = 0; }, "table `emb` has dim 0");
  fails([](auto &info) { info.tables[0].parts.clear(); }, "no part");
  fails([](auto &info) { info.tables[1].parts[0].name = "vector"; }, "`fm.vector` is there twice");
  fails([](auto &info) { info.tables[1].name = "emb"; }, "table `emb` is there twice");
  fails([](auto &info) { addRule(info, "luck", {}); }, "table `fm` has an unknown rule `luck`");
  fails([](auto &info) { addRule(info, "unseen", {}); },
        "table `fm` has no good number `periods` in its rule `unseen`");
  fails([](auto &info) { addRule(info, "unseen", {{"periods", 20000}}); }, "no good number `periods`");
  fails([](auto &info) { addRule(info, "show_click", {{"show", 1}, {"click", 1}, {"decay", 1.5}}); },
        "no good number `decay`");
  fails([](auto &info) { addRule(info, "period", {{"steps", 0}}); }, "no good number `steps`");
  fails([](auto &info) { addRule(info, "unseen", {{"periods", 2}}); },
        "table `fm` has rules that count periods, and none that says how long they are");
  fails(
      [](auto &info) {
        addRule(info, "period", {{"steps", 2}});
        addRule(info, "score", {{"least", 2}});
      },
      "table `fm` evicts rows by a score, and there is no rule that makes one");
  fails(
      [](auto &info) {
        addRule(info, "period", {{"steps", 2}});
        addRule(info, "ssd", {});
      },
      "table `fm` has a tier below memory, and no rule that limits memory");
  fails(
      [](auto &info) {
        addRule(info, "period", {{"steps", 2}});
        addRule(info, "memory", {{"bytes", 65536}});
      },
      "table `fm` may take 65536 bytes, and wants room for 4096 rows of");
  fails(
      [](auto &info) {
        addRule(info, "period", {{"steps", 2}});
        addRule(info, "memory", {{"bytes", 1 << 30}});
        addRule(info, "ssd", {});
      },
      "table `fm` says `beyond: ssd`, and there is no folder for the rows below memory");
  fails(
      [](auto &info) {
        info.tables[1].parts[1].admit.kind = "score";
        info.tables[1].parts[1].admit.numbers["least"] = 2;
      },
      "admits keys by a score, and there is no rule that makes one");
  fails([](auto &info) { info.tables[1].parts[1].admit.kind = "often"; }, "has an unknown admission rule `often`");
  fails(
      [](auto &info) {
        for (auto &part : info.tables[1].parts) {
          part.admit.kind = "count";
          part.admit.numbers["times"] = part.name == "vector" ? 2 : 3;
        }
      },
      "admits keys by another rule than the parts before it");
  fails([](auto &info) { info.parameters[1].name = "w"; }, "parameter `w` is there twice");
  fails([](auto &info) { info.parameters[0].shape = {1LL << 40, 1LL << 40}; }, "impossible shape");
  fails([](auto &info) { info.parameters[0].optimizer.slotInit.clear(); }, "does not say how");
}

} // namespace
} // namespace heter::runtime
