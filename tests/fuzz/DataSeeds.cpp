// The data bindings and lines that fuzzing starts from.
#include "tests/fuzz/DataSeeds.h"

#include "tests/runtime/data/DataTesting.h"

#include <map>
#include <zlib.h>
#include <zstd.h>

namespace heter::fuzz {

using namespace runtime;
using runtime::testing::column;
using runtime::testing::columns;
using runtime::testing::expression;
using runtime::testing::input;
using runtime::testing::number;
using runtime::testing::source;

namespace {

constexpr auto f32 = package::ElementType::F32;
constexpr auto i64 = package::ElementType::I64;
constexpr auto ragged = package::ValueKind::RAGGED;

/// click, three numbers, three texts, a whole number.
DataBinding tsvBinding() {
  DataBinding binding;
  auto arithmetic =
      expression("min", {expression("div", {expression("mul", {expression("add", {column(1), column(2)}), number(0.5)}),
                                            expression("sub", {number(3), expression("neg", {column(3)})})}),
                         number(1e6)});
  binding.source = source({
      {"click", column(0)},
      {"dense", expression("list", {expression("log1p", {expression("max", {columns(1, 3), number(0)})}), arithmetic})},
      {"hashed", expression("hash", {columns(4, 5)})},
      {"spaced", expression("hash", {column(6)}, {1000}, {"python2", "space"})},
      {"whole", expression("id", {column(7)})},
      {"items", expression("hash", {columns(4, 6)})},
      {"values", columns(1, 3)},
  });
  binding.inputs = {input("click", f32),
                    input("dense", f32, {4}),
                    input("hashed", i64, {2}),
                    input("spaced", i64),
                    input("whole", i64),
                    input("items", i64, {}, ragged, "n"),
                    input("values", f32, {}, ragged)};
  return binding;
}

const std::string tsvLines = "1\t0.5\t-3\t1e2\tred\tblue\tround\t17\n"
                             "0\t\t\t\t\t\t\t\n"
                             "1\t2\t4\t8\tx\t\t\t18446744073709551615\r\n"
                             "0\t0.125\t7\t-0\tcaf\xc3\xa9\t\"q\"\t'\t-9";

std::string gzip(const std::string &text) {
  std::string out(text.size() + 128, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef *>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string zstd(const std::string &text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

} // namespace

const std::vector<DataBinding> &dataBindings(const std::string &format) {
  static const std::map<std::string, std::vector<DataBinding>> all = {{"tsv", {tsvBinding()}}};
  return all.at(format);
}

std::vector<Seed> dataSeeds(const std::string &) {
  return {{"lines", tsvLines},
          {"gzip", gzip(tsvLines)},
          {"zstd", zstd(tsvLines)},
          {"short-line", "1\t2\n", false},
          {"no-number", "one\t0.5\t-3\t1e2\tred\tblue\tround\t17\n", false}};
}

} // namespace heter::fuzz
