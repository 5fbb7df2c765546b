// Folds and canonical forms, each in its own program; what would change bits stays.
// RUN: heter-opt %s --heter-simplify | FileCheck %s

// CHECK: module attributes {nn.stage = "simplify"}
module {
// CHECK-LABEL: nn.program @shapes
nn.program @shapes {
  // CHECK-NEXT: %[[X:.*]] = nn.input "x"
  %x = nn.input "x" : tensor<?x6xf32>
  // CHECK-NEXT: %[[V:.*]] = nn.input "v"
  %v = nn.input "v" : tensor<?xf32>
  %r1 = nn.reshape %x : tensor<?x6xf32> -> tensor<?x2x3xf32>
  %r2 = nn.reshape %r1 : tensor<?x2x3xf32> -> tensor<?x3x2xf32>
  // CHECK-NEXT: %[[R:.*]] = nn.reshape %[[X]] : tensor<?x6xf32> -> tensor<?x3x2xf32>
  // CHECK-NEXT: nn.predict "reshape"(%[[R]])
  nn.predict "reshape" (%r2) : tensor<?x3x2xf32>
  %r3 = nn.reshape %r1 : tensor<?x2x3xf32> -> tensor<?x6xf32>
  // CHECK-NEXT: nn.predict "reshape back"(%[[X]])
  nn.predict "reshape back" (%r3) : tensor<?x6xf32>
  %b1 = nn.broadcast %v dims [0] : tensor<?xf32> -> tensor<?x4xf32>
  %b2 = nn.broadcast %b1 dims [0, 2] : tensor<?x4xf32> -> tensor<?x5x4xf32>
  // CHECK-NEXT: %[[B:.*]] = nn.broadcast %[[V]] dims [0] : tensor<?xf32> -> tensor<?x5x4xf32>
  // CHECK-NEXT: nn.predict "broadcast"(%[[B]])
  nn.predict "broadcast" (%b2) : tensor<?x5x4xf32>
  %b3 = nn.broadcast %x dims [0, 1] : tensor<?x6xf32> -> tensor<?x6xf32>
  // CHECK-NEXT: nn.predict "broadcast to itself"(%[[X]])
  nn.predict "broadcast to itself" (%b3) : tensor<?x6xf32>
  %c1 = nn.concat %x axis(1) : (tensor<?x6xf32>) -> tensor<?x6xf32>
  // CHECK-NEXT: nn.predict "concat of one"(%[[X]])
  nn.predict "concat of one" (%c1) : tensor<?x6xf32>
  %s1 = nn.slice %x axis(1) range(0, 6) : (tensor<?x6xf32>) -> tensor<?x6xf32>
  // CHECK-NEXT: nn.predict "whole slice"(%[[X]])
  nn.predict "whole slice" (%s1) : tensor<?x6xf32>
  %s2 = nn.slice %x axis(1) range(1, 5) : (tensor<?x6xf32>) -> tensor<?x4xf32>
  %s3 = nn.slice %s2 axis(1) range(1, 3) : (tensor<?x4xf32>) -> tensor<?x2xf32>
  // CHECK-NEXT: %[[S:.*]] = nn.slice %[[X]] axis(1) range(2, 4)
  // CHECK-NEXT: nn.predict "slice of slice"(%[[S]])
  nn.predict "slice of slice" (%s3) : tensor<?x2xf32>
  %e = nn.exp %x : tensor<?x6xf32>
  %c2 = nn.concat %x, %e axis(1) : (tensor<?x6xf32>, tensor<?x6xf32>) -> tensor<?x12xf32>
  %s4 = nn.slice %c2 axis(1) range(6, 12) : (tensor<?x12xf32>) -> tensor<?x6xf32>
  // CHECK-NEXT: %[[E:.*]] = nn.exp
  // CHECK-NEXT: %[[C:.*]] = nn.concat
  // CHECK-NEXT: nn.predict "slice of concat"(%[[E]])
  nn.predict "slice of concat" (%s4) : tensor<?x6xf32>
  %s5 = nn.slice %c2 axis(1) range(5, 12) : (tensor<?x12xf32>) -> tensor<?x7xf32>
  // CHECK-NEXT: nn.slice %[[C]]
  nn.predict "slice across" (%s5) : tensor<?x7xf32>
  %p = nn.pad %x axis(1) by(0, 0) : (tensor<?x6xf32>) -> tensor<?x6xf32>
  // CHECK: nn.predict "no pad"(%[[X]])
  nn.predict "no pad" (%p) : tensor<?x6xf32>
  %q = nn.pad %x axis(1) by(0, 1) : (tensor<?x6xf32>) -> tensor<?x7xf32>
  // CHECK-NEXT: nn.pad
  nn.predict "pad" (%q) : tensor<?x7xf32>
  // CHECK: %[[M:.*]] = nn.input "m"
  %m = nn.input "m" : tensor<?x2x3xf32>
  %t1 = nn.transpose %m : (tensor<?x2x3xf32>) -> tensor<?x3x2xf32>
  %t2 = nn.transpose %t1 : (tensor<?x3x2xf32>) -> tensor<?x2x3xf32>
  // CHECK-NEXT: nn.predict "transposed twice"(%[[M]])
  nn.predict "transposed twice" (%t2) : tensor<?x2x3xf32>
}

// CHECK-LABEL: nn.program @arithmetic
nn.program @arithmetic {
  // CHECK-NEXT: %[[X:.*]] = nn.input "x"
  %x = nn.input "x" : tensor<?x4xf32>
  // CHECK-NEXT: %[[Y:.*]] = nn.input "y"
  %y = nn.input "y" : tensor<?x4xf32>
  %c1 = nn.constant dense<1.0> : tensor<f32>
  %c0 = nn.constant dense<0.0> : tensor<4xf32>
  %cm0 = nn.constant dense<-0.0> : tensor<f32>
  %one = nn.broadcast %c1 dims [] : tensor<f32> -> tensor<?x4xf32>
  %zero = nn.broadcast %c0 dims [1] : tensor<4xf32> -> tensor<?x4xf32>
  %minus0 = nn.broadcast %cm0 dims [] : tensor<f32> -> tensor<?x4xf32>
  %m1 = nn.mul %x, %one : tensor<?x4xf32>
  %m2 = nn.mul %one, %m1 : tensor<?x4xf32>
  %m3 = nn.div %m2, %one : tensor<?x4xf32>
  %m4 = nn.sub %m3, %zero : tensor<?x4xf32>
  %m5 = nn.add %m4, %minus0 : tensor<?x4xf32>
  %m6 = nn.neg %m5 : tensor<?x4xf32>
  %m7 = nn.neg %m6 : tensor<?x4xf32>
  // CHECK: nn.predict "identities"(%[[X]])
  nn.predict "identities" (%m7) : tensor<?x4xf32>
  %r1 = nn.relu %x : tensor<?x4xf32>
  %r2 = nn.relu %r1 : tensor<?x4xf32>
  // CHECK-NEXT: %[[R:.*]] = nn.relu %[[X]]
  // CHECK-NEXT: nn.predict "relu"(%[[R]])
  nn.predict "relu" (%r2) : tensor<?x4xf32>
  %n = nn.neg %y : tensor<?x4xf32>
  %a1 = nn.add %x, %n : tensor<?x4xf32>
  // CHECK-NEXT: %[[A1:.*]] = nn.sub %[[X]], %[[Y]]
  // CHECK-NEXT: nn.predict "add neg"(%[[A1]])
  nn.predict "add neg" (%a1) : tensor<?x4xf32>
  %a2 = nn.add %n, %r1 : tensor<?x4xf32>
  // CHECK-NEXT: %[[A2:.*]] = nn.sub %[[R]], %[[Y]]
  nn.predict "neg add" (%a2) : tensor<?x4xf32>
  %a3 = nn.sub %x, %n : tensor<?x4xf32>
  // CHECK: %[[A3:.*]] = nn.add %[[X]], %[[Y]]
  nn.predict "sub neg" (%a3) : tensor<?x4xf32>

  // These stay: x * 0 loses NaNs and infinities, x + 0.0 turns -0.0 into 0.0, and so do the others.
  // CHECK: nn.mul %[[X]]
  %k1 = nn.mul %x, %zero : tensor<?x4xf32>
  // CHECK: nn.add %[[X]]
  %k2 = nn.add %x, %zero : tensor<?x4xf32>
  // CHECK: nn.sub %[[X]], %[[X]]
  %k3 = nn.sub %x, %x : tensor<?x4xf32>
  // CHECK: nn.div %[[X]], %[[X]]
  %k4 = nn.div %x, %x : tensor<?x4xf32>
  nn.predict "k1" (%k1) : tensor<?x4xf32>
  nn.predict "k2" (%k2) : tensor<?x4xf32>
  nn.predict "k3" (%k3) : tensor<?x4xf32>
  nn.predict "k4" (%k4) : tensor<?x4xf32>
}

// CHECK-LABEL: nn.program @constants
nn.program @constants {
  %two = nn.constant dense<2.0> : tensor<f32>
  %three = nn.constant dense<3.0> : tensor<f32>
  %sum = nn.add %two, %three : tensor<f32>
  %difference = nn.sub %sum, %two : tensor<f32>
  %product = nn.mul %difference, %three : tensor<f32>
  %quotient = nn.div %product, %two : tensor<f32>
  %negative = nn.neg %quotient : tensor<f32>
  %vector = nn.broadcast %negative dims [] : tensor<f32> -> tensor<6xf32>
  %matrix = nn.reshape %vector : tensor<6xf32> -> tensor<2x3xf32>
  // CHECK: %[[C:.*]] = nn.constant dense<-4.500000e+00> : tensor<2x3xf32>
  // CHECK-NEXT: %[[B:.*]] = nn.broadcast %[[C]]
  %batch = nn.broadcast %matrix dims [1, 2] : tensor<2x3xf32> -> tensor<?x2x3xf32>
  // CHECK-NEXT: nn.predict "p"(%[[B]])
  nn.predict "p" (%batch) : tensor<?x2x3xf32>
  // Arithmetic of values that are broadcast alike is done before.
  %count = nn.example_count
  %wide2 = nn.broadcast %count dims [] : tensor<f32> -> tensor<?xf32>
  %wide3 = nn.broadcast %three dims [] : tensor<f32> -> tensor<?xf32>
  %q = nn.div %wide2, %wide3 : tensor<?xf32>
  // CHECK: %[[Q:.*]] = nn.div %{{.*}}, %{{.*}} : tensor<f32>
  // CHECK: nn.broadcast %[[Q]] dims [] : tensor<f32> -> tensor<?xf32>
  nn.predict "q" (%q) : tensor<?xf32>
  // Examples divided by examples are 1.
  %again = nn.example_count
  %ratio = nn.div %count, %again : tensor<f32>
  // CHECK: nn.constant dense<1.000000e+00> : tensor<f32>
  %r = nn.broadcast %ratio dims [] : tensor<f32> -> tensor<?xf32>
  nn.predict "r" (%r) : tensor<?xf32>
}

// CHECK-LABEL: nn.program @merged
nn.program @merged {
  // CHECK-NEXT: %[[X:.*]] = nn.input "x"
  %x = nn.input "x" : tensor<?xf32>
  // CHECK-NOT: "unused"
  %unused = nn.input "unused" : tensor<?xf32>
  %a = nn.exp %x : tensor<?xf32>
  %b = nn.exp %x : tensor<?xf32>
  %c = nn.mul %a, %b : tensor<?xf32>
  // CHECK-NEXT: %[[E:.*]] = nn.exp %[[X]]
  // CHECK-NEXT: nn.mul %[[E]], %[[E]]
  nn.predict "p" (%c) : tensor<?xf32>
}
}
