// The report of heterc --explain: the whole text of a small model, and that it names what a reader asks for.
#include "compiler/Explain.h"
#include "dialects/ps/PS.h"
#include "passes/Passes.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using namespace heter;

namespace {

/// Places and cuts `source` and explains it.
std::string explainSource(StringRef source) {
  MLIRContext context;
  context.loadDialect<nn::NNDialect, ps::PSDialect>();
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, ParserConfig(&context));
  PassManager passes(&context);
  passes.addPass(createPlace());
  passes.addPass(createPartition());
  if (!module || failed(passes.run(*module)))
    return "failed";
  return compiler::explain(*module);
}

constexpr StringLiteral kModel = R"mlir(
#mark = loc("m.heter":8:7)
module @small attributes {nn.mode = "MODE"} {
  nn.parameter @w : tensor<13x400xf32> init #nn.init<"zeros", 0.0>
  ps.optimizer @sgd_0 rule("sgd") slots([] = []) scalars([] = []) {
  ^bb0(%value: tensor<?xf32>, %gradient: tensor<?xf32>):
    ps.yield %value : tensor<?xf32>
  }
  nn.program @infer {
    %x = nn.input "dense" : tensor<?x13xf32> loc("m.heter":3:1)
    %w = ps.pull_dense @w : tensor<13x400xf32> loc(#mark)
    %y = nn.linear %x, %w {place = #nn.place<"on:gpu", "marked `on gpu` at m.heter:7:1">} : (tensor<?x13xf32>, tensor<13x400xf32>) -> tensor<?x400xf32> loc("deep.0"(#mark))
    %z = nn.relu %y {place = #nn.place<"on:xpu", "marked `on xpu` at m.heter:9:1">} : tensor<?x400xf32> loc("m.heter":10:3)
    %s = nn.reduce_sum %z axes [1] : (tensor<?x400xf32>) -> tensor<?xf32> loc("m.heter":12:1)
    nn.predict "s" (%s) : tensor<?xf32> loc("m.heter":13:1)
  }
})mlir";

std::string modelIn(StringRef mode) {
  std::string source = kModel.str();
  source.replace(source.find("MODE"), 4, mode.str());
  return source;
}

constexpr char kReport[] = R"(small, mode heter-ps
Counts follow from shapes: /example grows with the examples, /batch is once a
micro-batch; a ragged value counts as one element an example. Pulled and pushed
are dense parameters.

server owns 0 tables and 1 dense parameter of 20,800 B
  updates by sgd_0, state of each value: 0 floats

==== infer ====

role                       ops  FLOPs/example  FLOPs/batch   B pulled   B pushed
cpu-trainer                  3            400            0          0          0
heter-trainer.gpu            2         10,400            0     20,800          0
heter-trainer.xpu            1            400            0          0          0

from                    to                        messages  B/example    B/batch
cpu-trainer             heter-trainer.gpu                1         52          0
heter-trainer.gpu       cpu-trainer                      1      1,600          0
cpu-trainer             heter-trainer.xpu                1      1,600          0
heter-trainer.xpu       cpu-trainer                      1      1,600          0

  c0: cpu-trainer -> heter-trainer.gpu, depth 1, 52 B an example
    tensor<?x13xf32>, 52 B an example
      from nn.input "dense" m.heter:3:1
      to nn.linear deep.0 m.heter:8:7
  c1: heter-trainer.gpu -> cpu-trainer, depth 2, 1,600 B an example
    tensor<?x400xf32>, 1,600 B an example
      from nn.linear deep.0 m.heter:8:7
      passed on by c2
  c2: cpu-trainer -> heter-trainer.xpu, depth 3, 1,600 B an example
    tensor<?x400xf32>, 1,600 B an example
      from nn.linear deep.0 m.heter:8:7
      to nn.relu m.heter:10:3
  c3: heter-trainer.xpu -> cpu-trainer, depth 4, 1,600 B an example
    tensor<?x400xf32>, 1,600 B an example
      from nn.relu m.heter:10:3
      to nn.reduce_sum m.heter:12:1

cpu-trainer                                                FLOPs/example
  cpu-trainers read the data:
    nn.input "dense"             m.heter:3:1
  not marked:
    nn.reduce_sum                m.heter:12:1                        400
  cpu-trainers report:
    nn.predict "s"               m.heter:13:1

heter-trainer.gpu                                          FLOPs/example
  used first by `nn.linear` at m.heter:8:7:
    ps.pull_dense @w             m.heter:8:7
  marked `on gpu` at m.heter:7:1:
    nn.linear deep.0             m.heter:8:7                      10,400

heter-trainer.xpu                                          FLOPs/example
  marked `on xpu` at m.heter:9:1:
    nn.relu                      m.heter:10:3                        400
)";

TEST(Explain, WholeText) { EXPECT_EQ(explainSource(modelIn("heter-ps")), kReport); }

TEST(Explain, OneRole) {
  std::string text = explainSource(modelIn("local"));
  EXPECT_THAT(text, testing::HasSubstr("nothing crosses roles"));
  EXPECT_THAT(text, testing::HasSubstr("the only trainer role of mode local"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("server")));
}

} // namespace
