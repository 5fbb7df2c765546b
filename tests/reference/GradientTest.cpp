// Every gradient rule against central differences: small programs are differentiated by --heter-autodiff, the result
// runs in the double-precision interpreter, and each entry of each parameter and table row is moved both ways. The
// same gradients must come out after --heter-simplify.
#include "dialects/nn/NN.h"
#include "passes/Passes.h"
#include "tests/reference/Interpreter.h"
#include "tests/reference/RandomEnvironment.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace heter;
using reference::Environment;
using reference::Outcome;

namespace {

/// A program: declarations, and a body that makes `%y` of type `result`. The test adds the tables @a and @b, whose rows
/// are %a and %b (tensor<?x6xf32>), the label %click, and a loss in which each element of %y has its own weight.
struct Case {
  const char *name;
  const char *declarations;
  const char *body;
  const char *result;
};

void PrintTo(const Case &test, std::ostream *stream) { *stream << test.name; }

const char *const kBatch = "tensor<?x6xf32>";

const Case kCases[] = {
    {"add", "", "%y = nn.add %a, %b : tensor<?x6xf32>", kBatch},
    {"sub", "", "%y = nn.sub %a, %b : tensor<?x6xf32>", kBatch},
    {"mul", "", "%y = nn.mul %a, %b : tensor<?x6xf32>", kBatch},
    {"mul_by_itself", "", "%y = nn.mul %a, %a : tensor<?x6xf32>", kBatch},
    {"div", "", "%e = nn.exp %b : tensor<?x6xf32>\n%y = nn.div %a, %e : tensor<?x6xf32>", kBatch},
    {"neg", "", "%y = nn.neg %a : tensor<?x6xf32>", kBatch},
    {"relu", "", "%y = nn.relu %a : tensor<?x6xf32>", kBatch},
    {"sigmoid", "", "%y = nn.sigmoid %a : tensor<?x6xf32>", kBatch},
    {"tanh", "", "%y = nn.tanh %a : tensor<?x6xf32>", kBatch},
    {"exp", "", "%y = nn.exp %a : tensor<?x6xf32>", kBatch},
    {"log", "", "%s = nn.sigmoid %a : tensor<?x6xf32>\n%y = nn.log %s : tensor<?x6xf32>", kBatch},
    {"square", "", "%y = nn.square %a : tensor<?x6xf32>", kBatch},
    {"sqrt", "", "%s = nn.sigmoid %a : tensor<?x6xf32>\n%y = nn.sqrt %s : tensor<?x6xf32>", kBatch},
    {"static_sigmoid", "nn.parameter @p : tensor<3x2xf32> init #nn.init<\"zeros\", 0.0>",
     "%p = nn.param @p : tensor<3x2xf32>\n%y = nn.sigmoid %p : tensor<3x2xf32>", "tensor<3x2xf32>"},

    {"broadcast_row", "nn.parameter @p : tensor<6xf32> init #nn.init<\"zeros\", 0.0>",
     "%p = nn.param @p : tensor<6xf32>\n%y = nn.broadcast %p dims [1] : tensor<6xf32> -> tensor<?x6xf32>", kBatch},
    {"broadcast_scalar", "nn.parameter @p : tensor<f32> init #nn.init<\"zeros\", 0.0>",
     "%p = nn.param @p : tensor<f32>\n%y = nn.broadcast %p dims [] : tensor<f32> -> tensor<?x6xf32>", kBatch},
    {"broadcast_size_1", "nn.parameter @p : tensor<1x6xf32> init #nn.init<\"zeros\", 0.0>",
     "%p = nn.param @p : tensor<1x6xf32>\n%y = nn.broadcast %p dims [0, 1] : tensor<1x6xf32> -> tensor<?x6xf32>",
     kBatch},
    {"broadcast_middle", "", "%y = nn.broadcast %a dims [0, 2] : tensor<?x6xf32> -> tensor<?x3x6xf32>",
     "tensor<?x3x6xf32>"},
    {"broadcast_column", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x6x1xf32>\n"
     "%y = nn.broadcast %r dims [0, 1, 2] : tensor<?x6x1xf32> -> tensor<?x6x4xf32>",
     "tensor<?x6x4xf32>"},
    {"concat", "",
     "%y = nn.concat %a, %b, %a axis(1) : (tensor<?x6xf32>, tensor<?x6xf32>, tensor<?x6xf32>) -> "
     "tensor<?x18xf32>",
     "tensor<?x18xf32>"},
    {"reshape", "", "%y = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>", "tensor<?x2x3xf32>"},
    {"slice", "", "%y = nn.slice %a axis(1) range(1, 4) : (tensor<?x6xf32>) -> tensor<?x3xf32>", "tensor<?x3xf32>"},
    {"pad", "", "%y = nn.pad %a axis(1) by(1, 2) : (tensor<?x6xf32>) -> tensor<?x9xf32>", "tensor<?x9xf32>"},

    {"transpose", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n"
     "%y = nn.transpose %r : (tensor<?x2x3xf32>) -> tensor<?x3x2xf32>",
     "tensor<?x3x2xf32>"},
    {"lower_triangle", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x6x1xf32>\n%s = nn.reshape %b : tensor<?x6xf32> -> "
     "tensor<?x6x1xf32>\n%m = nn.matmul %r, %s {transpose_b = true} : (tensor<?x6x1xf32>, tensor<?x6x1xf32>) -> "
     "tensor<?x6x6xf32>\n%y = nn.lower_triangle %m : (tensor<?x6x6xf32>) -> tensor<?x15xf32>",
     "tensor<?x15xf32>"},

    {"linear",
     "nn.parameter @w : tensor<6x4xf32> init #nn.init<\"zeros\", 0.0>\n"
     "nn.parameter @c : tensor<4xf32> init #nn.init<\"zeros\", 0.0>",
     "%w = nn.param @w : tensor<6x4xf32>\n%c = nn.param @c : tensor<4xf32>\n"
     "%y = nn.linear %a, %w, %c : (tensor<?x6xf32>, tensor<6x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>",
     "tensor<?x4xf32>"},
    {"linear_rank_3",
     "nn.parameter @w : tensor<3x4xf32> init #nn.init<\"zeros\", 0.0>\n"
     "nn.parameter @c : tensor<4xf32> init #nn.init<\"zeros\", 0.0>",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n"
     "%w = nn.param @w : tensor<3x4xf32>\n%c = nn.param @c : tensor<4xf32>\n"
     "%y = nn.linear %r, %w, %c : (tensor<?x2x3xf32>, tensor<3x4xf32>, tensor<4xf32>) -> tensor<?x2x4xf32>",
     "tensor<?x2x4xf32>"},
    {"linear_rank_4", "nn.parameter @w : tensor<3x4xf32> init #nn.init<\"zeros\", 0.0>",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x1x3xf32>\n%w = nn.param @w : tensor<3x4xf32>\n"
     "%y = nn.linear %r, %w : (tensor<?x2x1x3xf32>, tensor<3x4xf32>) -> tensor<?x2x1x4xf32>",
     "tensor<?x2x1x4xf32>"},
    {"matmul", "nn.parameter @w : tensor<6x4xf32> init #nn.init<\"zeros\", 0.0>",
     "%w = nn.param @w : tensor<6x4xf32>\n"
     "%y = nn.matmul %a, %w : (tensor<?x6xf32>, tensor<6x4xf32>) -> tensor<?x4xf32>",
     "tensor<?x4xf32>"},
    {"matmul_transposed_b", "nn.parameter @w : tensor<4x6xf32> init #nn.init<\"zeros\", 0.0>",
     "%w = nn.param @w : tensor<4x6xf32>\n"
     "%y = nn.matmul %a, %w {transpose_b = true} : (tensor<?x6xf32>, tensor<4x6xf32>) -> tensor<?x4xf32>",
     "tensor<?x4xf32>"},
    {"matmul_over_examples", "",
     "%y = nn.matmul %a, %b {transpose_a = true} : (tensor<?x6xf32>, tensor<?x6xf32>) -> "
     "tensor<6x6xf32>",
     "tensor<6x6xf32>"},
    {"matmul_static_both",
     "nn.parameter @w : tensor<3x4xf32> init #nn.init<\"zeros\", 0.0>\n"
     "nn.parameter @v : tensor<5x3xf32> init #nn.init<\"zeros\", 0.0>",
     "%w = nn.param @w : tensor<3x4xf32>\n%v = nn.param @v : tensor<5x3xf32>\n"
     "%y = nn.matmul %w, %v {transpose_a = true, transpose_b = true} : (tensor<3x4xf32>, tensor<5x3xf32>) -> "
     "tensor<4x5xf32>",
     "tensor<4x5xf32>"},
    {"matmul_rows", "nn.parameter @w : tensor<3x4xf32> init #nn.init<\"zeros\", 0.0>",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n%w = nn.param @w : tensor<3x4xf32>\n"
     "%y = nn.matmul %r, %w : (tensor<?x2x3xf32>, tensor<3x4xf32>) -> tensor<?x2x4xf32>",
     "tensor<?x2x4xf32>"},
    {"matmul_rows_transposed_b", "nn.parameter @w : tensor<4x3xf32> init #nn.init<\"zeros\", 0.0>",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n%w = nn.param @w : tensor<4x3xf32>\n"
     "%y = nn.matmul %r, %w {transpose_b = true} : (tensor<?x2x3xf32>, tensor<4x3xf32>) -> tensor<?x2x4xf32>",
     "tensor<?x2x4xf32>"},
    {"matmul_examples", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n%s = nn.reshape %b : tensor<?x6xf32> -> "
     "tensor<?x3x2xf32>\n%y = nn.matmul %r, %s : (tensor<?x2x3xf32>, tensor<?x3x2xf32>) -> tensor<?x2x2xf32>",
     "tensor<?x2x2xf32>"},
    {"matmul_examples_a", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n%s = nn.reshape %b : tensor<?x6xf32> -> "
     "tensor<?x2x3xf32>\n%y = nn.matmul %r, %s {transpose_a = true} : (tensor<?x2x3xf32>, tensor<?x2x3xf32>) -> "
     "tensor<?x3x3xf32>",
     "tensor<?x3x3xf32>"},
    {"matmul_examples_b", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n%s = nn.reshape %b : tensor<?x6xf32> -> "
     "tensor<?x2x3xf32>\n%y = nn.matmul %r, %s {transpose_b = true} : (tensor<?x2x3xf32>, tensor<?x2x3xf32>) -> "
     "tensor<?x2x2xf32>",
     "tensor<?x2x2xf32>"},
    {"matmul_examples_ab", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n%s = nn.reshape %b : tensor<?x6xf32> -> "
     "tensor<?x3x2xf32>\n%y = nn.matmul %r, %s {transpose_a = true, transpose_b = true} : (tensor<?x2x3xf32>, "
     "tensor<?x3x2xf32>) -> tensor<?x3x3xf32>",
     "tensor<?x3x3xf32>"},

    {"reduce_sum", "", "%y = nn.reduce_sum %a axes [1] : (tensor<?x6xf32>) -> tensor<?xf32>", "tensor<?xf32>"},
    {"reduce_sum_examples", "", "%y = nn.reduce_sum %a axes [0] : (tensor<?x6xf32>) -> tensor<6xf32>", "tensor<6xf32>"},
    {"reduce_mean", "", "%y = nn.reduce_mean %a axes [1] : (tensor<?x6xf32>) -> tensor<?xf32>", "tensor<?xf32>"},
    {"reduce_mean_examples", "", "%y = nn.reduce_mean %a axes [0] : (tensor<?x6xf32>) -> tensor<6xf32>",
     "tensor<6xf32>"},
    {"reduce_mean_all", "", "%y = nn.reduce_mean %a axes [0, 1] : (tensor<?x6xf32>) -> tensor<f32>", "tensor<f32>"},
    {"reduce_mean_static", "nn.parameter @p : tensor<3x2xf32> init #nn.init<\"zeros\", 0.0>",
     "%p = nn.param @p : tensor<3x2xf32>\n%y = nn.reduce_mean %p axes [0] : (tensor<3x2xf32>) -> tensor<2xf32>",
     "tensor<2xf32>"},
    {"reduce_max", "", "%y = nn.reduce_max %a axes [1] : (tensor<?x6xf32>) -> tensor<?xf32>", "tensor<?xf32>"},
    {"reduce_max_examples", "nn.parameter @p : tensor<6xf32> init #nn.init<\"zeros\", 0.0>",
     "%x = nn.input \"x\" : tensor<?x6xf32>\n%p = nn.param @p : tensor<6xf32>\n"
     "%q = nn.broadcast %p dims [1] : tensor<6xf32> -> tensor<?x6xf32>\n%z = nn.mul %x, %q : tensor<?x6xf32>\n"
     "%y = nn.reduce_max %z axes [0] : (tensor<?x6xf32>) -> tensor<6xf32>",
     "tensor<6xf32>"},
    {"softmax", "", "%y = nn.softmax %a axis(1) : tensor<?x6xf32>", kBatch},
    {"softmax_middle", "",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x3x2xf32>\n%y = nn.softmax %r axis(1) : tensor<?x3x2xf32>",
     "tensor<?x3x2xf32>"},
    {"dropout", "", "%y = nn.dropout %a rate(0.4) path(\"y\") : tensor<?x6xf32>", kBatch},
    {"layer_norm",
     "nn.parameter @s : tensor<6xf32> init #nn.init<\"zeros\", 0.0>\n"
     "nn.parameter @t : tensor<6xf32> init #nn.init<\"zeros\", 0.0>",
     "%s = nn.param @s : tensor<6xf32>\n%t = nn.param @t : tensor<6xf32>\n"
     "%y = nn.layer_norm %a, %s, %t epsilon(1.0e-03) : (tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>) -> "
     "tensor<?x6xf32>",
     kBatch},
    {"layer_norm_rank_3",
     "nn.parameter @s : tensor<3xf32> init #nn.init<\"zeros\", 0.0>\n"
     "nn.parameter @t : tensor<3xf32> init #nn.init<\"zeros\", 0.0>",
     "%r = nn.reshape %a : tensor<?x6xf32> -> tensor<?x2x3xf32>\n"
     "%s = nn.param @s : tensor<3xf32>\n%t = nn.param @t : tensor<3xf32>\n"
     "%y = nn.layer_norm %r, %s, %t epsilon(1.0e-03) : (tensor<?x2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> "
     "tensor<?x2x3xf32>",
     "tensor<?x2x3xf32>"},
    {"sigmoid_cross_entropy", "",
     "%z = nn.sigmoid %b : tensor<?x6xf32>\n"
     "%y = nn.sigmoid_cross_entropy %a, %z : tensor<?x6xf32>",
     kBatch},
    {"log_loss", "",
     "%p = nn.sigmoid %a : tensor<?x6xf32>\n%z = nn.sigmoid %b : tensor<?x6xf32>\n"
     "%y = nn.log_loss %p, %z epsilon(1.0e-02) : tensor<?x6xf32>",
     kBatch},
    {"softmax_cross_entropy", "",
     "%y = nn.softmax_cross_entropy %a, %click : (tensor<?x6xf32>, tensor<?xf32>) -> tensor<?xf32>", "tensor<?xf32>"},
    {"softmax_cross_entropy_i64", "",
     "%k = nn.argmax %b axis(1) : (tensor<?x6xf32>) -> tensor<?xi64>\n"
     "%y = nn.softmax_cross_entropy %a, %k : (tensor<?x6xf32>, tensor<?xi64>) -> tensor<?xf32>",
     "tensor<?xf32>"},

    {"lookup_pool_sum", "",
     "%i = nn.input \"bags\" : tensor<?x3xi64>\n"
     "%y = nn.lookup @a part(\"\") (%i) pool(sum) : tensor<?x3xi64> -> tensor<?x6xf32>",
     kBatch},
    {"lookup_pool_mean", "",
     "%i = nn.input \"bags\" : tensor<?x3xi64>\n"
     "%y = nn.lookup @a part(\"\") (%i) pool(mean) : tensor<?x3xi64> -> tensor<?x6xf32>",
     kBatch},
    {"lookup_rows", "",
     "%i = nn.input \"bags\" : tensor<?x3xi64>\n"
     "%y = nn.lookup @a part(\"\") (%i) : tensor<?x3xi64> -> tensor<?x3x6xf32>",
     "tensor<?x3x6xf32>"},
    {"lookup_ragged_sum", "",
     "%i = nn.input \"list\" : !nn.ragged<\"list\", i64>\n"
     "%y = nn.lookup @a part(\"\") (%i) pool(sum) : !nn.ragged<\"list\", i64> -> "
     "tensor<?x6xf32>",
     kBatch},
    {"lookup_ragged_mean", "",
     "%i = nn.input \"list\" : !nn.ragged<\"list\", i64>\n"
     "%y = nn.lookup @a part(\"\") (%i) pool(mean) : !nn.ragged<\"list\", i64> -> "
     "tensor<?x6xf32>",
     kBatch},
    {"lookup_twice", "",
     "%i = nn.input \"list\" : !nn.ragged<\"list\", i64>\n"
     "%l = nn.lookup @a part(\"\") (%i) pool(mean) : !nn.ragged<\"list\", i64> -> tensor<?x6xf32>\n"
     "%y = nn.mul %a, %l : tensor<?x6xf32>",
     kBatch},
    {"parameter_twice", "nn.parameter @w : tensor<6x6xf32> init #nn.init<\"zeros\", 0.0>",
     "%w = nn.param @w : tensor<6x6xf32>\n%v = nn.param @w : tensor<6x6xf32>\n"
     "%h = nn.linear %a, %w : (tensor<?x6xf32>, tensor<6x6xf32>) -> tensor<?x6xf32>\n"
     "%y = nn.linear %h, %v : (tensor<?x6xf32>, tensor<6x6xf32>) -> tensor<?x6xf32>",
     kBatch},
    {"parts",
     "nn.table @fm [#nn.part<\"weight\", 1, #nn.init<\"zeros\", 0.0>, #nn.optimizer<\"sgd\", {lr = 0.1 : "
     "f64}>>, #nn.part<\"vector\", 3, #nn.init<\"zeros\", 0.0>, #nn.optimizer<\"sgd\", {lr = 0.1 : f64}>>]",
     "%i = nn.input \"bags\" : tensor<?x3xi64>\n"
     "%f = nn.lookup @fm part(\"weight\") (%i) pool(sum) : tensor<?x3xi64> -> tensor<?x1xf32>\n"
     "%v = nn.lookup @fm part(\"vector\") (%i) : tensor<?x3xi64> -> tensor<?x3x3xf32>\n"
     "%s = nn.reduce_sum %v axes [1] : (tensor<?x3x3xf32>) -> tensor<?x3xf32>\n"
     "%q = nn.square %s : tensor<?x3xf32>\n%r = nn.square %v : tensor<?x3x3xf32>\n"
     "%t = nn.reduce_sum %r axes [1] : (tensor<?x3x3xf32>) -> tensor<?x3xf32>\n"
     "%d = nn.sub %q, %t : tensor<?x3xf32>\n"
     "%y = nn.concat %f, %d axis(1) : (tensor<?x1xf32>, tensor<?x3xf32>) -> tensor<?x4xf32>",
     "tensor<?x4xf32>"},
    {"gradient_stops_at_ids", "",
     "%k = nn.argmax %a axis(1) : (tensor<?x6xf32>) -> tensor<?xi64>\n"
     "%l = nn.lookup @b part(\"\") (%k) : tensor<?xi64> -> tensor<?x6xf32>\n"
     "%m = nn.reduce_max %a axes [1] : (tensor<?x6xf32>) -> tensor<?xf32>\n"
     "%n = nn.broadcast %m dims [0] : tensor<?xf32> -> tensor<?x6xf32>\n%y = nn.mul %l, %n : tensor<?x6xf32>",
     kBatch},
};

std::string axesOf(const std::string &type) {
  std::string axes;
  int rank = static_cast<int>(std::count(type.begin(), type.end(), 'x'));
  for (int axis = 0; axis < rank; ++axis)
    axes += (axis ? ", " : "") + std::to_string(axis);
  return axes;
}

std::string programOf(const Case &test) {
  std::string part = " [#nn.part<\"\", 6, #nn.init<\"zeros\", 0.0>, #nn.optimizer<\"sgd\", {lr = 0.1 : f64}>>]\n";
  std::string type = test.result, text = "nn.table @a" + part + "nn.table @b" + part + test.declarations;
  text += "\nnn.program @train {\n%ia = nn.input \"ia\" : tensor<?xi64>\n%ib = nn.input \"ib\" : tensor<?xi64>\n"
          "%click = nn.input \"click\" label : tensor<?xf32>\n"
          "%a = nn.lookup @a part(\"\") (%ia) : tensor<?xi64> -> tensor<?x6xf32>\n"
          "%b = nn.lookup @b part(\"\") (%ib) : tensor<?xi64> -> tensor<?x6xf32>\n";
  text += std::string(test.body) + "\n";
  bool scalar = type == "tensor<f32>", batched = type.find('?') != std::string::npos;
  if (batched)
    text += "%weights = nn.input \"weights\" : " + type + "\n";
  else
    text += "%weights = nn.constant dense<" + std::string(scalar ? "1.5" : "0.75") + "> : " + type + "\n";
  text += "%weighted = nn.mul %y, %weights : " + type + "\n";
  text += scalar ? "%loss = nn.neg %weighted : tensor<f32>\n"
                 : "%loss = nn.reduce_mean %weighted axes [" + axesOf(type) + "] : (" + type + ") -> tensor<f32>\n";
  return text + "nn.minimize %loss with #nn.optimizer<\"sgd\", {lr = 0.1 : f64}>\n}\n";
}

class Gradient : public testing::TestWithParam<Case> {
protected:
  Gradient() { context.loadDialect<nn::NNDialect>(); }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const Case &test) {
    return mlir::parseSourceString<mlir::ModuleOp>(programOf(test), &context);
  }

  static mlir::Operation *train(mlir::ModuleOp module) { return module.lookupSymbol("train"); }

  mlir::MLIRContext context;
};

/// The derivative of the loss by `entry`, times the number of examples.
double centralDifference(mlir::Operation *program, const Environment &environment, double &entry) {
  const double step = 1e-5, middle = entry;
  entry = middle + step;
  double above = reference::run(program, environment).minimized;
  entry = middle - step;
  double below = reference::run(program, environment).minimized;
  entry = middle;
  return (above - below) / (2 * step) * static_cast<double>(environment.examples);
}

void expectNear(double actual, double expected, const std::string &what) {
  EXPECT_NEAR(actual, expected, 1e-6 * std::max(1.0, std::abs(expected))) << what;
}

/// Checks the updates of `outcome` against central differences of `program`.
void expectGradients(mlir::Operation *program, Environment &environment, const Outcome &outcome) {
  for (auto &[name, parameter] : environment.parameters) {
    auto update = outcome.updates.find(name);
    ASSERT_NE(update, outcome.updates.end()) << name;
    EXPECT_EQ(update->second.shape, parameter.shape);
    for (size_t i = 0; i < parameter.numbers.size(); ++i)
      expectNear(update->second.numbers[i], centralDifference(program, environment, parameter.numbers[i]),
                 name + "[" + std::to_string(i) + "]");
  }
  for (auto &[part, rows] : environment.tables)
    for (auto &[key, row] : rows)
      for (size_t i = 0; i < row.size(); ++i) {
        double actual = 0;
        if (auto update = outcome.rowUpdates.find(part); update != outcome.rowUpdates.end())
          if (auto found = update->second.find(key); found != update->second.end())
            actual = found->second[i];
        expectNear(actual, centralDifference(program, environment, row[i]),
                   part.first + "." + part.second + "[" + std::to_string(key) + "][" + std::to_string(i) + "]");
      }
}

/// Checks that simplification changed no update.
void expectSame(const Outcome &actual, const Outcome &expected) {
  ASSERT_EQ(actual.updates.size(), expected.updates.size());
  for (const auto &[name, update] : expected.updates)
    for (size_t i = 0; i < update.numbers.size(); ++i)
      EXPECT_NEAR(actual.updates.at(name).numbers[i], update.numbers[i],
                  1e-12 * std::max(1.0, std::abs(update.numbers[i])));
  ASSERT_EQ(actual.rowUpdates.size(), expected.rowUpdates.size());
  for (const auto &[part, rows] : expected.rowUpdates)
    for (const auto &[key, row] : rows)
      for (size_t i = 0; i < row.size(); ++i)
        EXPECT_NEAR(actual.rowUpdates.at(part).at(key)[i], row[i], 1e-12 * std::max(1.0, std::abs(row[i])));
}

TEST_P(Gradient, EqualsCentralDifferences) {
  mlir::OwningOpRef<mlir::ModuleOp> forward = parse(GetParam());
  ASSERT_TRUE(forward);
  // Warnings about @a and @b are no matter here.
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &diagnostic) {
    return mlir::success(diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning);
  });
  mlir::OwningOpRef<mlir::ModuleOp> differentiated = forward->clone(), simplified = forward->clone();
  mlir::PassManager autodiff(&context), simplify(&context);
  autodiff.addPass(createAutodiff());
  ASSERT_TRUE(mlir::succeeded(autodiff.run(*differentiated)));
  simplify.addPass(createAutodiff());
  simplify.addPass(createSimplify());
  ASSERT_TRUE(mlir::succeeded(simplify.run(*simplified)));
  for (int64_t examples : {1, 3, 8}) {
    SCOPED_TRACE(examples);
    Environment environment = reference::randomEnvironment(*forward, examples, static_cast<uint64_t>(examples), 1.5);
    Outcome outcome = reference::run(train(*differentiated), environment);
    expectGradients(train(*forward), environment, outcome);
    expectSame(reference::run(train(*simplified), environment), outcome);
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Gradient, testing::ValuesIn(kCases),
                         [](const auto &info) { return std::string(info.param.name); });

/// The square root of the sum of the squares of all updates of dense parameters.
double globalNorm(const Outcome &outcome) {
  double sum = 0;
  for (const auto &[name, update] : outcome.updates)
    for (double value : update.numbers)
      sum += value * value;
  return std::sqrt(sum);
}

// The gradients of dense parameters are scaled to the norm, all by one factor, or stay as they are below it.
TEST_F(Gradient, ClipsByTheGlobalNorm) {
  const Case &test = *std::find_if(std::begin(kCases), std::end(kCases),
                                   [](const Case &one) { return std::string_view(one.name) == "linear"; });
  mlir::OwningOpRef<mlir::ModuleOp> plain = parse(test);
  Environment environment = reference::randomEnvironment(*plain, 3, 1, 1.5);
  auto differentiate = [&](double clip) {
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(test);
    if (clip > 0)
      module->walk([&](nn::MinimizeOp op) { op.setClipAttr(mlir::OpBuilder(op).getF64FloatAttr(clip)); });
    mlir::PassManager passes(&context);
    passes.addPass(createAutodiff());
    EXPECT_TRUE(mlir::succeeded(passes.run(*module)));
    return reference::run(train(*module), environment);
  };
  Outcome whole = differentiate(0);
  const double norm = globalNorm(whole) / 3;
  ASSERT_GT(norm, 0.01);
  expectSame(differentiate(norm * 2), whole);
  Outcome clipped = differentiate(norm / 4);
  EXPECT_NEAR(globalNorm(clipped) / 3, norm / 4, 1e-6 * norm);
  for (const auto &[name, update] : whole.updates)
    for (size_t i = 0; i < update.numbers.size(); ++i)
      EXPECT_NEAR(clipped.updates.at(name).numbers[i], update.numbers[i] / 4, 1e-6 * std::abs(update.numbers[i]));
  EXPECT_EQ(clipped.rowUpdates, whole.rowUpdates);
}

// Every element of the mean gradient is kept within the bounds, and what lies within them is as it was.
TEST_F(Gradient, ClipsEachValue) {
  const Case &test = *std::find_if(std::begin(kCases), std::end(kCases),
                                   [](const Case &one) { return std::string_view(one.name) == "linear"; });
  Environment environment = reference::randomEnvironment(*parse(test), 3, 1, 1.5);
  auto differentiate = [&](double clip) {
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(test);
    if (clip > 0)
      module->walk([&](nn::MinimizeOp op) { op.setClipValueAttr(mlir::OpBuilder(op).getF64FloatAttr(clip)); });
    mlir::PassManager passes(&context);
    passes.addPass(createAutodiff());
    EXPECT_TRUE(mlir::succeeded(passes.run(*module)));
    return reference::run(train(*module), environment);
  };
  Outcome whole = differentiate(0);
  std::vector<double> magnitudes;
  for (const auto &[name, update] : whole.updates)
    for (double value : update.numbers)
      magnitudes.push_back(std::abs(value) / 3);
  std::sort(magnitudes.begin(), magnitudes.end());
  ASSERT_GT(magnitudes.size(), 3U);
  expectSame(differentiate(magnitudes.back() * 2), whole);
  // Between two magnitudes: some elements are cut, some are not.
  const size_t middle = magnitudes.size() / 2;
  const double most = (magnitudes[middle - 1] + magnitudes[middle]) / 2;
  Outcome clipped = differentiate(most);
  size_t cut = 0;
  for (const auto &[name, update] : whole.updates)
    for (size_t i = 0; i < update.numbers.size(); ++i) {
      const double mean = update.numbers[i] / 3;
      cut += std::abs(mean) > most ? 1 : 0;
      EXPECT_NEAR(clipped.updates.at(name).numbers[i] / 3, std::clamp(mean, -most, most), 1e-6 * std::abs(mean));
    }
  EXPECT_EQ(cut, magnitudes.size() - middle);
  EXPECT_EQ(clipped.rowUpdates, whole.rowUpdates);
}

// A new differentiable operation must come with a case above.
TEST_F(Gradient, CoversEveryDifferentiableOperation) {
  std::set<std::string> covered;
  for (const Case &test : kCases) {
    mlir::OwningOpRef<mlir::ModuleOp> module = parse(test);
    ASSERT_TRUE(module) << test.name;
    module->walk([&](mlir::Operation *op) { covered.insert(op->getName().getStringRef().str()); });
  }
  for (mlir::RegisteredOperationName op : context.getRegisteredOperations())
    if (op.hasInterface<nn::DifferentiableOpInterface>()) {
      EXPECT_TRUE(covered.count(op.getStringRef().str())) << op.getStringRef().str() << " has no gradient test";
    }
}

} // namespace
