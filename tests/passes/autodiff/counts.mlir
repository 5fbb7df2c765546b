// Shows and clicks of a table that scores its rows: (1, label) summed over a key's occurrences, beside the gradient of the
// part that counts, over all its lookups in the same order; whatever the pooling, once each occurrence.
// RUN: heter-opt %s --heter-autodiff --split-input-file --mlir-print-local-scope | FileCheck %s
// RUN: heter-opt %s --heter-autodiff --heter-distribute --split-input-file --mlir-print-local-scope | FileCheck %s --check-prefix=PS

nn.table @t [#nn.part<"w", 1, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}>>,
             #nn.part<"v", 4, #nn.init<"zeros", 0.0>, #nn.optimizer<"sgd", {lr = 0.1 : f64}> admit #nn.rule<"score", {least = 2.0 : f64}>>]
  policy [#nn.rule<"show_click", {clicks = "click", show = 0.1 : f64, click = 1.0 : f64, decay = 0.5 : f64}>, #nn.rule<"period", {steps = 10.0 : f64}>]
// CHECK-LABEL: nn.program @train
nn.program @train {
  %id = nn.input "id" : tensor<?xi64>
  %slots = nn.input "slots" : tensor<?x3x5xi64>
  %seen = nn.input "seen" : !nn.ragged<"seen", i64>
  // CHECK: %[[CLICK:.*]] = nn.input "click"
  %click = nn.input "click" label : tensor<?xf32>
  %a = nn.lookup @t part("w") (%id) : tensor<?xi64> -> tensor<?x1xf32>
  %b = nn.lookup @t part("w") (%slots) : tensor<?x3x5xi64> -> tensor<?x3x5x1xf32>
  %c = nn.lookup @t part("w") (%seen) pool(mean) : !nn.ragged<"seen", i64> -> tensor<?x1xf32>
  %v = nn.lookup @t part("v") (%id) : tensor<?xi64> -> tensor<?x4xf32>
  %sum = nn.reduce_sum %b axes [1, 2] : (tensor<?x3x5x1xf32>) -> tensor<?x1xf32>
  %ab = nn.add %a, %sum : tensor<?x1xf32>
  %abc = nn.add %ab, %c : tensor<?x1xf32>
  %vs = nn.reduce_sum %v axes [1] : (tensor<?x4xf32>) -> tensor<?xf32>
  %w = nn.reshape %abc : tensor<?x1xf32> -> tensor<?xf32>
  %y = nn.add %w, %vs : tensor<?xf32>
  %loss = nn.reduce_mean %y axes [0] : (tensor<?xf32>) -> tensor<f32>
  nn.minimize %loss with #nn.optimizer<"sgd", {lr = 0.2 : f64}>
}
// CHECK: %[[VROWS:.*]] = nn.lookup_grad {{.*}} -> !nn.rows<4>
// CHECK: %[[CROWS:.*]] = nn.lookup_grad {{.*}} pool(mean) : (!nn.ragged<"seen", i64>, tensor<?x1xf32>) -> !nn.rows<1>
// CHECK: %[[SHOWS:.*]] = nn.broadcast %{{.*}} dims [] : tensor<f32> -> tensor<?x1xf32>
// CHECK: %[[CLICKS:.*]] = nn.reshape %[[CLICK]] : tensor<?xf32> -> tensor<?x1xf32>
// CHECK: %[[PAIR:.*]] = nn.concat %[[SHOWS]], %[[CLICKS]] axis(1)
// CHECK: %[[CCOUNT:.*]] = nn.lookup_grad %{{.*}}, %[[PAIR]] pool(sum) : (!nn.ragged<"seen", i64>, tensor<?x2xf32>) -> !nn.rows<2>
// CHECK: %[[BROWS:.*]] = nn.lookup_grad {{.*}} : (tensor<?x3x5xi64>, tensor<?x3x5x1xf32>) -> !nn.rows<1>
// CHECK: %[[CB:.*]] = nn.add_rows %[[CROWS]], %[[BROWS]]
// CHECK: %[[WIDE:.*]] = nn.broadcast %{{.*}} dims [0, 2] : tensor<?x2xf32> -> tensor<?x3x2xf32>
// CHECK: %[[BCOUNT:.*]] = nn.lookup_grad %{{.*}}, %[[WIDE]] pool(sum) : (tensor<?x3x5xi64>, tensor<?x3x2xf32>) -> !nn.rows<2>
// CHECK: %[[CBCOUNT:.*]] = nn.add_rows %[[CCOUNT]], %[[BCOUNT]]
// CHECK: %[[AROWS:.*]] = nn.lookup_grad {{.*}} : (tensor<?xi64>, tensor<?x1xf32>) -> !nn.rows<1>
// CHECK: %[[ALL:.*]] = nn.add_rows %[[CB]], %[[AROWS]]
// CHECK: %[[ACOUNT:.*]] = nn.lookup_grad %{{.*}} : (tensor<?xi64>, tensor<?x2xf32>) -> !nn.rows<2>
// CHECK: %[[COUNTS:.*]] = nn.add_rows %[[CBCOUNT]], %[[ACOUNT]]
// CHECK: nn.update_rows @t part("w") %[[ALL]] counts(%[[COUNTS]]) : !nn.rows<1>, !nn.rows<2>
// CHECK: nn.update_rows @t part("v") %[[VROWS]] : !nn.rows<4>
// PS: ps.push_rows @t part("w") %{{.*}} counts(%{{.*}}) : {{.*}}<1>, {{.*}}<2>
// PS: ps.push_rows @t part("v") %{{.*}} : {{.*}}<4>
