// The programs on which gradient rules are tested, each operation's among them.
#ifndef HETER_TESTS_REFERENCE_GRADIENTCASES_H
#define HETER_TESTS_REFERENCE_GRADIENTCASES_H

#include <ostream>

namespace heter::reference {

/// A program: declarations, and a body that makes `%y` of type `result`. The test adds the tables @a and @b, whose rows
/// are %a and %b (tensor<?x6xf32>), the label %click, and a loss in which each element of %y has its own weight.
struct GradientCase {
  const char *name;
  const char *declarations;
  const char *body;
  const char *result;
};

inline void PrintTo(const GradientCase &test, std::ostream *stream) { *stream << test.name; }

inline constexpr const char *kBatch = "tensor<?x6xf32>";

inline constexpr GradientCase kGradientCases[] = {
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

} // namespace heter::reference

#endif // HETER_TESTS_REFERENCE_GRADIENTCASES_H
