// Public data sets in their own forms, each through a small data block. A test whose file is not there is skipped by
// name.
#include "SpecData.h"

#include "runtime/base/Hash.h"

#include <numeric>
#include <set>

using namespace heter::runtime;
using namespace heter::runtime::testing;

namespace {

int64_t hashed(const std::string &text, const std::string &salt) {
  return static_cast<int64_t>(hashBytes(text, hashBytes(salt, 0)));
}

double mean(const std::vector<float> &values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

size_t distinct(const std::vector<int64_t> &values) { return std::set<int64_t>(values.begin(), values.end()).size(); }

std::string sample(const std::string &name) {
  std::ifstream stream(HETER_FRONTEND_MODELS "/" + name + ".heter");
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST(RealFilesTest, AvazuCsvWithHeader) {
  HETER_REAL_FILE(file, "avazu/train.csv");
  SpecData data(specOf("ids : id[22]\nhour : f32", R"(data avazu : csv(header: true) {
    click = col["click"]
    hour  = col["hour"] - 14102100
    ids   = hash(col[2..23])
  })"));
  BatchPtr batch = data.readWhole("avazu", {file});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->examples, 8999);
  EXPECT_NEAR(mean(data.tensor(*batch, "click").floats), 0.174, 0.001);
  EXPECT_EQ(mean(data.tensor(*batch, "hour").floats), 0);
  const std::vector<int64_t> &ids = data.tensor(*batch, "ids").integers;
  EXPECT_EQ(ids[0], hashed("14102100", "col[2]"));
  EXPECT_EQ(ids[21], hashed("79", "col[23]"));
}

TEST(RealFilesTest, AdultCsvWithoutHeader) {
  HETER_REAL_FILE(file, "adult/adult.data");
  SpecData data(sample("wide_deep"));
  BatchPtr batch = data.readWhole("adult", {file});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->examples, 32561);
  EXPECT_NEAR(mean(data.tensor(*batch, "rich").floats), 0.2408, 0.0001);
  EXPECT_EQ(data.tensor(*batch, "numbers").floats[0], static_cast<float>(39.0 / 100));
  std::vector<int64_t> work;
  for (size_t i = 0; i < 32561; ++i)
    work.push_back(data.tensor(*batch, "deep").integers[i * 8]);
  EXPECT_EQ(distinct(work), 9u); // Eight classes, and the unknown one.
  EXPECT_EQ(static_cast<size_t>(std::count(work.begin(), work.end(), hashed("", "work"))), 1836u);
}

TEST(RealFilesTest, AliCcpWithTwoLabels) {
  HETER_REAL_FILE(train, "aliccp/ali_ccp_train_sample.csv");
  HETER_REAL_FILE(test, "aliccp/ali_ccp_test_sample.csv");
  SpecData data(sample("mmoe"));
  BatchPtr batch = data.readWhole("aliccp", {train, test});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->examples, 150);
  EXPECT_EQ(data.tensor(*batch, "ids").integers[0], hashed("1", "col[2]"));
  EXPECT_EQ(data.tensor(*batch, "dense").floats[0], 0.4734f);
  EXPECT_EQ(data.tensor(*batch, "dense").floats.size(), 1200u);
}

TEST(RealFilesTest, FrappeLibfm) {
  HETER_REAL_FILE(file, "frappe/frappe.validation.libfm.gz");
  SpecData data(specOf("ids : id[10]", R"(data frappe : libfm {
    click = max(col["label"], 0)
    ids   = id(col["index"])
  })"));
  BatchPtr batch = data.readWhole("frappe", {file});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->examples, 57722);
  EXPECT_EQ(data.tensor(*batch, "click").floats[0], 1);
  EXPECT_EQ(data.tensor(*batch, "click").floats[1], 0);
  EXPECT_EQ(data.tensor(*batch, "ids").integers[0], 266);
  EXPECT_EQ(data.tensor(*batch, "ids").integers[19], 5201);
}

TEST(RealFilesTest, CriteoLibsvm) {
  HETER_REAL_FILE(file, "criteo/libsvm_first10000rows.txt.gz");
  HETER_REAL_FILE(raw, "criteo/raw_first10000.txt");
  SpecData data(specOf("dense : f32[12]\nids : id[*]", R"(data svm : libsvm {
    click = col["label"]
    dense = col[1..12]
    ids   = id(col["index"])
  }
  data raw : tsv {
    click = col[0]
    dense = (col[1..12] - [0, -3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]) / [20, 603, 100, 50, 64000, 500, 100, 50, 500, 10, 10, 10]
    ids = hash(col[14..39])
  }
  data thirteen : libsvm { click = col["label"]; dense = col[2..13]; ids = id(col["index"]) })"));
  BatchPtr batch = data.readWhole("svm", {file}), lines = data.readWhole("raw", {raw});
  ASSERT_TRUE(batch && lines);
  EXPECT_EQ(batch->examples, 10000);
  EXPECT_EQ(data.tensor(*batch, "ids").offsets[1], 39);
  EXPECT_EQ(data.tensor(*batch, "ids").integers[13], 15);
  // The same examples, scaled and written with six decimals; the first 28 in the same order.
  EXPECT_EQ(mean(data.tensor(*batch, "click").floats), mean(data.tensor(*lines, "click").floats));
  const std::vector<float> &dense = data.tensor(*batch, "dense").floats, &raws = data.tensor(*lines, "dense").floats;
  ASSERT_EQ(dense.size(), raws.size());
  EXPECT_NEAR(mean(dense), mean(raws), 1e-6);
  for (size_t i = 0; i < 28 * 12; ++i)
    EXPECT_NEAR(dense[i], raws[i], 1e-6) << "value " << i;
  // Some lines of this file name index 13 twice, once as a number and once as a category.
  EXPECT_EQ(data.read("thirteen", {file}).status.message(), file + ":684:101: index 13: expected 1 value, got 2");
}

TEST(RealFilesTest, MovielensRatingsAndQuotedTitles) {
  HETER_REAL_FILE(ratings, "movielens/ratings.csv");
  HETER_REAL_FILE(movies, "movielens/movies.csv");
  SpecData data(specOf("ids : id[2]", R"(data ratings : csv(header: true) {
    click = col["rating"]
    ids   = id([col["userId"], col["movieId"]])
  })"));
  BatchPtr batch = data.readWhole("ratings", {ratings});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->examples, 100836);
  EXPECT_NEAR(mean(data.tensor(*batch, "click").floats), 3.5016, 0.0001);
  SpecData titles(specOf("title : id\ngenres : id[*]\nyear : f32", R"(data movies : csv(header: true) {
    click  = starts_with(col["genres"], "Comedy")
    title  = hash(col["title"])
    genres = hash(split(col["genres"], "|"))
    year   = col["movieId"]
  })"));
  batch = titles.readWhole("movies", {movies});
  ASSERT_TRUE(batch);
  EXPECT_EQ(batch->examples, 9742);
  EXPECT_EQ(distinct(titles.tensor(*batch, "genres").integers), 20u);
  EXPECT_EQ(titles.tensor(*batch, "genres").offsets[1], 5);
  const std::vector<int64_t> &hashes = titles.tensor(*batch, "title").integers;
  EXPECT_EQ(hashes[0], hashed("Toy Story (1995)", "title"));
  EXPECT_EQ(hashes[10], hashed("American President, The (1995)", "title"));
}

} // namespace
