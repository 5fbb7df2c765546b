// The data blocks and lines that fuzzing starts from. A format has one spec, whose blocks all read the same lines.
#include "tests/fuzz/DataSeeds.h"

#include "tests/data/SpecData.h"

#include <map>
#include <zlib.h>
#include <zstd.h>

namespace heter::fuzz {

using namespace runtime;

namespace {

struct Format {
  std::string inputs; ///< But `click`.
  std::string data;
  std::string lines; ///< That every block of `data` takes.
  std::vector<std::string> wrong;
};

const std::map<std::string, Format> &formats() {
  static const std::map<std::string, Format> all = {
      {"tsv",
       {"dense : f32[4]\nhashed : id[2]\nspaced : id\nwhole : id\nages : id\npair : id\nred : f32\n"
        "pieces : id[*]\nitems : id[*seen]\nagain : id[*seen]\n",
        R"(data d : tsv {
             click  = col[0]
             dense  = [log1p(max(col[1..3], 0)), min((col[1] + col[2]) * 0.5 / (3 - -col[3]), 1e6)]
             hashed = hash(col[4..5])
             spaced = hash(col[6], kind: python2, buckets: 1000)
             whole  = id(col[7])
             ages   = hash(bucket(col[3], [-10, 18, 30.5]), space: age)
             pair   = hash(cross(col[4], bucket(col[2], [0])))
             red    = starts_with(col[4], "re")
             pieces = hash(split(col[6], "|"), space: piece)
             items  = hash(col[4..6])
             again  = hash(col[4..6], space: again)
           })",
        "1\t0.5\t-3\t1e2\tred\tblue\tround|flat|\t17\n0\t\t\t\t\t\t\t\n\n"
        "1\t2\t4\t8\tx\t\t\t18446744073709551615\r\n0\t0.125\t7\t-0\tcaf\xc3\xa9\t\"q\"\t'\t-9",
        {"1\t2\n", "one\t0.5\t-3\t1e2\tred\tblue\tround\t17\n", "1\t1e400\t1\t1\ta\tb\tc\t1\n"}}},
      {"csv",
       {"dense : f32[2]\nids : id[2]\nlist : id[*]\nn : id\n",
        R"(data a : csv(header: true) {
             click = col["y"]
             dense = [col["a b"], col[1]]
             ids   = hash([col["text"], col["a b"]])
             list  = hash(split(col["text"], ","))
             n     = id(col["n"])
           }
           data b : csv(columns: [y, first, second, word, number], header: true, trim: true, missing: "?") {
             click = y
             dense = [first, second]
             ids   = hash([word, second])
             list  = hash(split(word, "|"))
             n     = id(number)
           })",
        "y,x,a b,text,n\n1,0.5,2,\"a, \"\"b\"\"\",7\n0,,,,\n1,-1,3e2,\"\",-8\r\n0,1,2,x\"y,9",
        {"y,x\n", "y,x,a b,text,n\n1,2,3,\"open,4\n", "y,x,a b,text,n\n1,2,3,\"a\"b,4\n", ",,\n"}}},
      {"slot",
       {"dense : f32[3]\nkeys : id[3]\nage : id\nids : id[*seen]\nagain : id[*seen]\n",
        R"(data d : slot {
             click = col["click"]
             dense = log1p(max(col["d"], 0))
             keys  = id(col[1..3])
             age   = hash(bucket(col["age"], [10, 20]))
             ids   = hash(col["i"])
             again = id(col["i"])
           })",
        "click:1 d:0.5 d:-1 d:3e1 1:737395 2:210498 3:99 age:12 i:5 i:6\n"
        "i:18446744073709551615 3:1 2:2 1:3 other:x:y age:\td:1 d:2 d:3 click:0\n\nclick:1 d:1 d: d:2 1:1 2: 3:3 age:1",
        {"click\n", "click:1\n", ":1\n", "click:1 click:0 d:0.5 d:-1 d:3e1 1:1 2:2 3:3 age:1\n"}}},
      {"libsvm",
       {"ids : id[*]\nsome : f32[3]\n",
        R"(data d : libsvm {
             click  = max(col["label"], 0)
             ids    = id(col["index"])
             some   = col[1..3]
           })",
        "1 3:0.5 17:1 2048:1\n-1 qid:7 1:1 2:-2.5e0 0003:4 # a comment 5:x\n\n+1\n0 18446744073709551615:1",
        {"3:0.5\n", "1 x:1\n", "1 3\n", "1 3:a\n", "# nothing\n"}}},
  };
  return all;
}

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

const std::vector<DataBinding> &dataBindings(const std::string &name) {
  static const std::vector<DataBinding> bindings = [&] {
    const Format &format = formats().at(name);
    frontend::Checked checked(testing::specOf(format.inputs, format.data));
    check(checked.model.has_value(), checked.errors());
    std::vector<DataBinding> made;
    for (const frontend::DataSource &source : checked.model->data) {
      made.push_back({testing::packed(source), {}});
      for (const frontend::Input &input : checked.model->inputs)
        made.back().inputs.push_back(testing::packed(input, *checked.model));
    }
    return made;
  }();
  return bindings;
}

std::vector<Seed> dataSeeds(const std::string &name) {
  const Format &format = formats().at(name);
  std::vector<Seed> seeds = {
      {"lines", format.lines}, {"gzip", gzip(format.lines)}, {"zstd", zstd(format.lines)}, {"empty", "", false}};
  for (const std::string &line : format.wrong)
    seeds.push_back({"wrong-" + std::to_string(seeds.size()), line, false});
  return seeds;
}

} // namespace heter::fuzz
