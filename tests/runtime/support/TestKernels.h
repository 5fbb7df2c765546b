// A kernel object of plain functions, with a few tiny kernels in the form in which the compiler emits them.
#ifndef HETER_TESTS_RUNTIME_SUPPORT_TESTKERNELS_H
#define HETER_TESTS_RUNTIME_SUPPORT_TESTKERNELS_H

#include "runtime/package/KernelObject.h"

#include <map>

namespace heter::runtime::test {

/// A contiguous memref descriptor as a kernel sees it.
struct Memref {
  void *base;
  void *aligned;
  int64_t offset;
  int64_t sizesAndStrides[];

  template <typename T = float> T *data() const { return static_cast<T *>(aligned) + offset; }
  int64_t size(int axis) const { return sizesAndStrides[axis]; }
};

inline const Memref &memref(void *const *args, int i) { return *static_cast<const Memref *>(args[i]); }

class FunctionKernels final : public KernelObject {
public:
  std::map<std::string, KernelFunction> functions;

  KernelFunction find(const std::string &symbol) const override {
    auto found = functions.find(symbol);
    return found == functions.end() ? nullptr : found->second;
  }
  const std::string &description() const override { return description_; }

private:
  std::string description_ = "test kernels";
};

/// Over f32[n]: `double`, `increment`, `add`, `mul`; `less` (f32[], f32[]) -> bool[].
inline FunctionKernels simpleKernels() {
  FunctionKernels kernels;
  kernels.functions["double"] = [](void *const *args) {
    for (int64_t i = 0; i < memref(args, 1).size(0); ++i)
      memref(args, 1).data()[i] = 2 * memref(args, 0).data()[i];
  };
  kernels.functions["increment"] = [](void *const *args) {
    for (int64_t i = 0; i < memref(args, 1).size(0); ++i)
      memref(args, 1).data()[i] = memref(args, 0).data()[i] + 1;
  };
  kernels.functions["add"] = [](void *const *args) {
    for (int64_t i = 0; i < memref(args, 2).size(0); ++i)
      memref(args, 2).data()[i] = memref(args, 0).data()[i] + memref(args, 1).data()[i];
  };
  kernels.functions["mul"] = [](void *const *args) {
    for (int64_t i = 0; i < memref(args, 2).size(0); ++i)
      memref(args, 2).data()[i] = memref(args, 0).data()[i] * memref(args, 1).data()[i];
  };
  kernels.functions["less"] = [](void *const *args) {
    *memref(args, 2).data<bool>() = *memref(args, 0).data() < *memref(args, 1).data();
  };
  return kernels;
}

} // namespace heter::runtime::test

#endif // HETER_TESTS_RUNTIME_SUPPORT_TESTKERNELS_H
