// Every operation, attribute and type of the nn dialect prints what it parses.
// RUN: heter-opt %s | heter-opt --mlir-print-local-scope | FileCheck %s
// RUN: heter-opt %s --mlir-print-op-generic | heter-opt --mlir-print-local-scope | FileCheck %s

// CHECK: module @model attributes {
// CHECK-SAME: nn.fuse = true, nn.mode = "heter-ps", nn.seed = 7 : i64, nn.stage = "frontend"
module @model attributes {
  nn.stage = "frontend", nn.mode = "heter-ps", nn.seed = 7 : i64, nn.fuse = true,
  nn.data = [{name = "criteo", format = "tsv", options = {}, bindings = [
    {input = "dense", expression = {op = "log1p", arguments = [{op = "column", arguments = [], numbers = [1.0, 13.0],
                                    texts = [], location = "m.heter:3:1"}], numbers = [], texts = []}}]}]
} {
  // CHECK: nn.table @emb [#nn.part<"", 9, <"uniform", 1.000000e-02>, <"adagrad", {epsilon = 1.000000e-10 : f64, lr = 5.000000e-02 : f64}>>]
  nn.table @emb [#nn.part<"", 9, #nn.init<"uniform", 1.0e-02>, #nn.optimizer<"adagrad", {lr = 5.0e-02 : f64, epsilon = 1.0e-10 : f64}>>]
  // CHECK: nn.table @fm [#nn.part<"weight", 1, <"zeros", 0.000000e+00>, <"sgd", {lr = 1.000000e-01 : f64}>, @sgd_0>, #nn.part<"vector", 9
  nn.table @fm [#nn.part<"weight", 1, <"zeros", 0.0>, <"sgd", {lr = 0.1 : f64}>, @sgd_0>,
                #nn.part<"vector", 9, <"normal", 0.3333333333333333>, <"adam", {lr = 0.001 : f64, beta1 = 0.9 : f64, beta2 = 0.999 : f64}>>]
  // CHECK: nn.table @goods [#nn.part<"", 2, {{.*}} admit <"score", {least = 2.000000e+00 : f64}>>] policy [#nn.rule<"show_click", {click = 1.000000e+00 : f64, clicks = "click", decay = 5.000000e-01 : f64, show = 1.000000e-01 : f64}>, #nn.rule<"period", {steps = 1.000000e+02 : f64}>, #nn.rule<"unseen", {periods = 3.000000e+00 : f64}>, #nn.rule<"score", {least = 5.000000e-01 : f64}>, #nn.rule<"memory", {bytes = 1.000000e+06 : f64}>, #nn.rule<"ssd", {}>]
  nn.table @goods [#nn.part<"", 2, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}> admit #nn.rule<"score", {least = 2.0 : f64}>>]
    policy [#nn.rule<"show_click", {clicks = "click", show = 0.1 : f64, click = 1.0 : f64, decay = 0.5 : f64}>,
            #nn.rule<"period", {steps = 100.0 : f64}>, #nn.rule<"unseen", {periods = 3.0 : f64}>,
            #nn.rule<"score", {least = 0.5 : f64}>, #nn.rule<"memory", {bytes = 1000000.0 : f64}>, #nn.rule<"ssd", {}>]
  // CHECK: nn.parameter @deep.0.weight : tensor<13x4xf32> init <"uniform", 2.773500e-01>
  nn.parameter @deep.0.weight : tensor<13x4xf32> init #nn.init<"uniform", 0.27735>
  // CHECK: nn.parameter @bias : tensor<4xf32> init <"zeros", 0.000000e+00> optimizer <"sgd", {lr = 1.000000e-01 : f64}> updater(@sgd_0)
  nn.parameter @bias : tensor<4xf32> init #nn.init<"zeros", 0.0> optimizer #nn.optimizer<"sgd", {lr = 0.1 : f64}> updater(@sgd_0)
  nn.parameter @ones : tensor<4xf32> init #nn.init<"ones", 0.0>
  nn.parameter @constant : tensor<4xf32> init #nn.init<"constant", -2.5>

  // CHECK: nn.program @train {
  nn.program @train {
    // CHECK: %[[DENSE:.*]] = nn.input "dense" : tensor<?x13xf32>
    %dense = nn.input "dense" : tensor<?x13xf32>
    // CHECK: %[[CLICK:.*]] = nn.input "click" label : tensor<?xf32>
    %click = nn.input "click" label : tensor<?xf32>
    %slots = nn.input "slots" : tensor<?x26xi64>
    // CHECK: nn.input "seen" : !nn.ragged<"seen", i64>
    %seen = nn.input "seen" : !nn.ragged<"seen", i64>
    // CHECK: nn.input "scores" : !nn.ragged<"seen", 9xf32>
    %scores = nn.input "scores" : !nn.ragged<"seen", 9xf32>
    // CHECK: nn.constant dense<2.000000e+00> : tensor<4xf32>
    %two = nn.constant dense<2.0> : tensor<4xf32>
    // CHECK: nn.param @deep.0.weight {place = #nn.place<"on:heter", "marked `on heter` at m.heter:12:1">} : tensor<13x4xf32>
    %w = nn.param @deep.0.weight {place = #nn.place<"on:heter", "marked `on heter` at m.heter:12:1">} : tensor<13x4xf32>
    %b = nn.param @bias : tensor<4xf32>
    // CHECK: nn.lookup @emb part("") (%{{.*}}) : tensor<?x26xi64> -> tensor<?x26x9xf32>
    %rows = nn.lookup @emb part("") (%slots) : tensor<?x26xi64> -> tensor<?x26x9xf32>
    // CHECK: nn.lookup @fm part("vector") (%{{.*}}) pool(sum) : tensor<?x26xi64> -> tensor<?x9xf32>
    %sum = nn.lookup @fm part("vector") (%slots) pool(sum) : tensor<?x26xi64> -> tensor<?x9xf32>
    // CHECK: nn.lookup @emb part("") (%{{.*}}) pool(mean) : !nn.ragged<"seen", i64> -> tensor<?x9xf32>
    %mean = nn.lookup @emb part("") (%seen) pool(mean) : !nn.ragged<"seen", i64> -> tensor<?x9xf32>
    // CHECK: nn.example_count
    %count = nn.example_count

    // CHECK: nn.broadcast %{{.*}} dims [1] : tensor<4xf32> -> tensor<?x4xf32>
    %wide = nn.broadcast %two dims [1] : tensor<4xf32> -> tensor<?x4xf32>
    // CHECK: nn.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<?x4xf32>
    %counts = nn.broadcast %count dims [] : tensor<f32> -> tensor<?x4xf32>
    // CHECK: nn.reshape %{{.*}} : tensor<?x26x9xf32> -> tensor<?x234xf32>
    %flat = nn.reshape %rows : tensor<?x26x9xf32> -> tensor<?x234xf32>
    // CHECK: nn.concat %{{.*}}, %{{.*}} axis(1) : (tensor<?x13xf32>, tensor<?x234xf32>) -> tensor<?x247xf32>
    %x = nn.concat %dense, %flat axis(1) : (tensor<?x13xf32>, tensor<?x234xf32>) -> tensor<?x247xf32>
    // CHECK: nn.slice %{{.*}} axis(1) range(13, 17) : (tensor<?x247xf32>) -> tensor<?x4xf32>
    %part = nn.slice %x axis(1) range(13, 17) : (tensor<?x247xf32>) -> tensor<?x4xf32>
    // CHECK: nn.pad %{{.*}} axis(1) by(1, 2) : (tensor<?x4xf32>) -> tensor<?x7xf32>
    %padded = nn.pad %part axis(1) by(1, 2) : (tensor<?x4xf32>) -> tensor<?x7xf32>

    // CHECK: nn.linear %[[DENSE]], %{{.*}}, %{{.*}} : (tensor<?x13xf32>, tensor<13x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %h = nn.linear %dense, %w, %b : (tensor<?x13xf32>, tensor<13x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    // CHECK: nn.linear %[[DENSE]], %{{.*}} : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
    %g = nn.linear %dense, %w : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
    // CHECK: nn.transpose %{{.*}} : (tensor<?x26x9xf32>) -> tensor<?x9x26xf32>
    %transposed = nn.transpose %rows : (tensor<?x26x9xf32>) -> tensor<?x9x26xf32>
    // CHECK: nn.linear %[[DENSE]], %{{[0-9]+}} precision(bf16) : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
    %g16 = nn.linear %dense, %w precision(bf16) : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
    // CHECK: nn.linear %[[DENSE]], %{{[0-9]+}} : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
    %g32 = nn.linear %dense, %w precision(f32) : (tensor<?x13xf32>, tensor<13x4xf32>) -> tensor<?x4xf32>
    // CHECK: nn.matmul %{{.*}}, %{{.*}} precision(bf16) {transpose_b = true} : (tensor<?x4xf32>, tensor<13x4xf32>) -> tensor<?x13xf32>
    %dx16 = nn.matmul %h, %w precision(bf16) {transpose_b = true} : (tensor<?x4xf32>, tensor<13x4xf32>) -> tensor<?x13xf32>
    // CHECK: nn.matmul %{{.*}}, %{{.*}} {transpose_a = true} : (tensor<?x13xf32>, tensor<?x4xf32>) -> tensor<13x4xf32>
    %dw = nn.matmul %dense, %h {transpose_a = true} : (tensor<?x13xf32>, tensor<?x4xf32>) -> tensor<13x4xf32>
    // CHECK: nn.matmul %{{.*}}, %{{.*}} {transpose_b = true} : (tensor<?x26x9xf32>, tensor<?x26x9xf32>) -> tensor<?x26x26xf32>
    %dots = nn.matmul %rows, %rows {transpose_b = true} : (tensor<?x26x9xf32>, tensor<?x26x9xf32>) -> tensor<?x26x26xf32>
    // CHECK: nn.lower_triangle %{{.*}} : (tensor<?x26x26xf32>) -> tensor<?x325xf32>
    %pairs = nn.lower_triangle %dots : (tensor<?x26x26xf32>) -> tensor<?x325xf32>
    // CHECK: nn.lower_triangle_grad %{{.*}} : (tensor<?x325xf32>) -> tensor<?x26x26xf32>
    %unpaired = nn.lower_triangle_grad %pairs : (tensor<?x325xf32>) -> tensor<?x26x26xf32>

    // CHECK: nn.add %{{.*}}, %{{.*}} : tensor<?x4xf32>
    %add = nn.add %h, %wide : tensor<?x4xf32>
    // CHECK: nn.sub
    %sub = nn.sub %h, %wide : tensor<?x4xf32>
    // CHECK: nn.mul
    %mul = nn.mul %h, %wide : tensor<?x4xf32>
    // CHECK: nn.div
    %div = nn.div %h, %wide : tensor<?x4xf32>
    // CHECK: nn.maximum
    %larger = nn.maximum %h, %wide : tensor<?x4xf32>
    // CHECK: nn.minimum
    %smaller = nn.minimum %h, %wide : tensor<?x4xf32>
    // CHECK: nn.floor
    %whole = nn.floor %h : tensor<?x4xf32>
    // CHECK: nn.neg %{{.*}} : tensor<?x4xf32>
    %neg = nn.neg %h : tensor<?x4xf32>
    // CHECK: nn.relu
    %relu = nn.relu %h : tensor<?x4xf32>
    // CHECK: nn.sigmoid
    %sigmoid = nn.sigmoid %h : tensor<?x4xf32>
    // CHECK: nn.tanh
    %tanh = nn.tanh %h : tensor<?x4xf32>
    // CHECK: nn.exp
    %exp = nn.exp %h : tensor<?x4xf32>
    // CHECK: nn.log
    %log = nn.log %exp : tensor<?x4xf32>
    // CHECK: nn.square
    %square = nn.square %h : tensor<?x4xf32>
    // CHECK: nn.sqrt
    %sqrt = nn.sqrt %square : tensor<?x4xf32>

    // CHECK: nn.reduce_sum %{{.*}} axes [1] : (tensor<?x26x9xf32>) -> tensor<?x9xf32>
    %sum1 = nn.reduce_sum %rows axes [1] : (tensor<?x26x9xf32>) -> tensor<?x9xf32>
    // CHECK: nn.reduce_mean %{{.*}} axes [0, 1] : (tensor<?x4xf32>) -> tensor<f32>
    %mean1 = nn.reduce_mean %h axes [0, 1] : (tensor<?x4xf32>) -> tensor<f32>
    // CHECK: nn.reduce_max %{{.*}} axes [1] : (tensor<?x4xf32>) -> tensor<?xf32>
    %max = nn.reduce_max %h axes [1] : (tensor<?x4xf32>) -> tensor<?xf32>
    // CHECK: nn.argmax %{{.*}} axis(1) : (tensor<?x4xf32>) -> tensor<?xi64>
    %argmax = nn.argmax %h axis(1) : (tensor<?x4xf32>) -> tensor<?xi64>
    // CHECK: nn.hash %{{.*}} space("prototype") : tensor<?xi64>
    %key = nn.hash %argmax space("prototype") : tensor<?xi64>
    // CHECK: nn.cast %{{.*}} : (tensor<?xi64>) -> tensor<?xf32>
    %number = nn.cast %argmax : (tensor<?xi64>) -> tensor<?xf32>

    // CHECK: nn.compare gt %{{.*}}, %{{.*}} : tensor<?xf32>
    %gt = nn.compare gt %number, %number : tensor<?xf32>
    // CHECK: nn.compare ne %{{.*}}, %{{.*}} : tensor<?xi64>
    %ne = nn.compare ne %argmax, %key : tensor<?xi64>
    // CHECK: nn.cast %{{.*}} : (tensor<?xi1>) -> tensor<?xf32>
    %truths = nn.cast %gt : (tensor<?xi1>) -> tensor<?xf32>

    // CHECK: %[[ZERO:.*]] = nn.constant dense<0.000000e+00> : tensor<f32>
    %zero = nn.constant dense<0.0> : tensor<f32>
    // CHECK: %[[YES:.*]] = nn.compare le %[[ZERO]], %[[ZERO]] : tensor<f32>
    %yes = nn.compare le %zero, %zero : tensor<f32>
    // CHECK: %[[IF:.*]]:2 = nn.if %[[YES]] -> tensor<?xf32>, tensor<f32> attributes {place = #nn.place<"on:heter", "why">} {
    // CHECK-NEXT: %[[EXP:.*]] = nn.exp %{{.*}} : tensor<?xf32>
    // CHECK-NEXT: nn.yield %[[EXP]], %[[ZERO]] : tensor<?xf32>, tensor<f32>
    // CHECK-NEXT: } else {
    // CHECK-NEXT: nn.yield %{{.*}}, %[[ZERO]] : tensor<?xf32>, tensor<f32>
    // CHECK-NEXT: }
    %if:2 = nn.if %yes -> tensor<?xf32>, tensor<f32> attributes {place = #nn.place<"on:heter", "why">} {
      %exp_of = nn.exp %number : tensor<?xf32>
      nn.yield %exp_of, %zero : tensor<?xf32>, tensor<f32>
    } else {
      nn.yield %number, %zero : tensor<?xf32>, tensor<f32>
    }
    // CHECK: nn.while(%[[IF]]#0, %[[ZERO]]) limit(3) : (tensor<?xf32>, tensor<f32>) -> (tensor<?xf32>, tensor<f32>) {
    // CHECK-NEXT: ^bb0(%{{.*}}: tensor<?xf32>, %[[COUNT:.*]]: tensor<f32>):
    // CHECK-NEXT: %[[MORE:.*]] = nn.compare lt %[[COUNT]], %{{.*}} : tensor<f32>
    // CHECK-NEXT: nn.yield %[[MORE]] : tensor<i1>
    // CHECK-NEXT: } do {
    // CHECK-NEXT: ^bb0(%[[X:.*]]: tensor<?xf32>, %[[N:.*]]: tensor<f32>):
    // CHECK-NEXT: nn.if %[[YES]] {
    // CHECK-NEXT: } else {
    // CHECK-NEXT: }
    // CHECK-NEXT: nn.yield %[[X]], %[[N]] : tensor<?xf32>, tensor<f32>
    // CHECK-NEXT: }
    %while:2 = nn.while (%if#0, %zero) limit(3) : (tensor<?xf32>, tensor<f32>) -> (tensor<?xf32>, tensor<f32>) {
    ^bb0(%old: tensor<?xf32>, %n: tensor<f32>):
      %more = nn.compare lt %n, %zero : tensor<f32>
      nn.yield %more : tensor<i1>
    } do {
    ^bb0(%old: tensor<?xf32>, %n: tensor<f32>):
      nn.if %yes {
      } else {
      }
      nn.yield %old, %n : tensor<?xf32>, tensor<f32>
    }

    // CHECK: nn.softmax %{{.*}} axis(1) : tensor<?x4xf32>
    %softmax = nn.softmax %h axis(1) : tensor<?x4xf32>
    // CHECK: nn.dropout %{{.*}} rate(1.000000e-01) path("deep.0") : tensor<?x4xf32>
    %dropout = nn.dropout %h rate(0.1) path("deep.0") : tensor<?x4xf32>
    // CHECK: nn.layer_norm %{{.*}}, %{{.*}}, %{{.*}} epsilon(1.000000e-05) : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %norm = nn.layer_norm %h, %b, %b epsilon(1.0e-05) : (tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    // CHECK: nn.sigmoid_cross_entropy %{{.*}}, %{{.*}} : tensor<?xf32>
    %ce = nn.sigmoid_cross_entropy %max, %click : tensor<?xf32>
    // CHECK: nn.log_loss %{{.*}}, %{{.*}} epsilon(1.000000e-05) : tensor<?xf32>
    %ll = nn.log_loss %max, %click epsilon(1.0e-05) : tensor<?xf32>
    // CHECK: nn.softmax_cross_entropy %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<?xf32>) -> tensor<?xf32>
    %sce = nn.softmax_cross_entropy %h, %click : (tensor<?x4xf32>, tensor<?xf32>) -> tensor<?xf32>
    // CHECK: nn.softmax_cross_entropy %{{.*}}, %{{.*}} : (tensor<?x4xf32>, tensor<?xi64>) -> tensor<?xf32>
    %sci = nn.softmax_cross_entropy %h, %argmax : (tensor<?x4xf32>, tensor<?xi64>) -> tensor<?xf32>

    // CHECK: nn.relu_grad %{{.*}}, %{{.*}} : tensor<?x4xf32>
    %g0 = nn.relu_grad %h, %relu : tensor<?x4xf32>
    // CHECK: nn.max_grad %{{.*}}, %{{.*}}, %{{.*}} axes [1] : (tensor<?xf32>, tensor<?x4xf32>, tensor<?xf32>) -> tensor<?x4xf32>
    %g1 = nn.max_grad %ce, %h, %max axes [1] : (tensor<?xf32>, tensor<?x4xf32>, tensor<?xf32>) -> tensor<?x4xf32>
    // CHECK: nn.softmax_grad %{{.*}}, %{{.*}} axis(1) : tensor<?x4xf32>
    %g2 = nn.softmax_grad %h, %softmax axis(1) : tensor<?x4xf32>
    // CHECK: nn.layer_norm_grad %{{.*}}, %{{.*}}, %{{.*}} epsilon(1.000000e-05) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %g3 = nn.layer_norm_grad %g2, %h, %b epsilon(1.0e-05) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    // CHECK: nn.softmax_cross_entropy_grad %{{.*}}, %{{.*}}, %{{.*}} : (tensor<?xf32>, tensor<?x4xf32>, tensor<?xf32>) -> tensor<?x4xf32>
    %g4 = nn.softmax_cross_entropy_grad %ce, %h, %click : (tensor<?xf32>, tensor<?x4xf32>, tensor<?xf32>) -> tensor<?x4xf32>
    // CHECK: nn.dropout_grad %{{.*}} rate(1.000000e-01) path("deep.0") : tensor<?x4xf32>
    %g5 = nn.dropout_grad %h rate(0.1) path("deep.0") : tensor<?x4xf32>
    // CHECK: nn.lookup_grad %{{.*}}, %{{.*}} : (tensor<?x26xi64>, tensor<?x26x9xf32>) -> !nn.rows<9>
    %r0 = nn.lookup_grad %slots, %rows : (tensor<?x26xi64>, tensor<?x26x9xf32>) -> !nn.rows<9>
    // CHECK: nn.lookup_grad %{{.*}}, %{{.*}} pool(mean) : (!nn.ragged<"seen", i64>, tensor<?x9xf32>) -> !nn.rows<9>
    %r1 = nn.lookup_grad %seen, %mean pool(mean) : (!nn.ragged<"seen", i64>, tensor<?x9xf32>) -> !nn.rows<9>
    // CHECK: nn.add_rows %{{.*}}, %{{.*}} : !nn.rows<9>
    %r2 = nn.add_rows %r0, %r1 : !nn.rows<9>

    // CHECK: nn.report "loss" name("loss") (%{{.*}}) : tensor<f32>
    nn.report "loss" name("loss") (%mean1) : tensor<f32>
    // CHECK: nn.report "auc" name("auc") (%{{.*}}, %[[CLICK]]) : tensor<?xf32>, tensor<?xf32>
    nn.report "auc" name("auc") (%max, %click) : tensor<?xf32>, tensor<?xf32>
    // CHECK: nn.minimize %{{.*}} with <"adam", {lr = 1.000000e-03 : f64}>
    nn.minimize %mean1 with #nn.optimizer<"adam", {lr = 1.0e-3 : f64}>
    // CHECK: nn.minimize %{{.*}} with <"sgd", {lr = 1.000000e-01 : f64}> clip(1.000000e+01)
    nn.minimize %mean1 with #nn.optimizer<"sgd", {lr = 1.0e-1 : f64}> clip(1.0e+1)
    // CHECK: nn.minimize %{{.*}} with <"sgd", {lr = 1.000000e-01 : f64}> clip_value(2.000000e+00)
    nn.minimize %mean1 with #nn.optimizer<"sgd", {lr = 1.0e-1 : f64}> clip_value(2.0)
    // CHECK: nn.update @deep.0.weight, %{{.*}} : tensor<13x4xf32>
    nn.update @deep.0.weight, %dw : tensor<13x4xf32>
    // CHECK: nn.update_rows @emb part("") %{{.*}} : !nn.rows<9>
    nn.update_rows @emb part("") %r2 : !nn.rows<9>
    %counted = nn.input "counted" : tensor<?x26x2xf32>
    %r3 = nn.lookup_grad %slots, %counted : (tensor<?x26xi64>, tensor<?x26x2xf32>) -> !nn.rows<2>
    // CHECK: nn.update_rows @goods part("") %[[R3:.*]] counts(%[[R3]]) : !nn.rows<2>, !nn.rows<2>
    nn.update_rows @goods part("") %r3 counts(%r3) : !nn.rows<2>, !nn.rows<2>
  }
  // CHECK: nn.program @infer {
  nn.program @infer {
    %dense = nn.input "dense" : tensor<?x13xf32>
    // CHECK: nn.predict "p"(%{{.*}}) : tensor<?x13xf32>
    nn.predict "p" (%dense) : tensor<?x13xf32>
  }
}
