// The library kernels that task.library calls: how many values each takes and gives, and the verifier of such calls.
#include "dialects/task/Task.h"

using namespace mlir;

namespace heter::task {

namespace {

/// What a library kernel takes.
struct LibraryKernel {
  StringRef name;
  unsigned minInputs, maxInputs;
  unsigned maxResults = 1;
};

constexpr unsigned kAnyNumber = ~0u;
const LibraryKernel kLibrary[] = {
    {"pack", 1, 1, 4},
    {"product", 2, 3, 6},
    {"matmul", 2, 3, 2},
    {"concat", 1, kAnyNumber},
    {"slice", 1, 1},
    {"pad", 1, 1},
    {"reshape", 1, 1},
    {"transpose", 1, 1},
    {"lower_triangle", 1, 1},
    {"lower_triangle_grad", 1, 1},
    {"dropout", 1, 1},
    {"dropout_grad", 1, 1},
    {"hash", 1, 1},
    {"argmax", 1, 1},
    {"unique_keys", 1, kAnyNumber, kAnyNumber},
    {"lookup", 2, kAnyNumber, 5},
    {"lookup_grad", 3, kAnyNumber},
    {"add_rows", 2, kAnyNumber},
    {"example_count", 0, 0},
    {"cast", 1, 1},
};

const LibraryKernel *findLibraryKernel(StringRef name) {
  const auto *found = llvm::find_if(kLibrary, [&](const LibraryKernel &kernel) { return kernel.name == name; });
  return found == std::end(kLibrary) ? nullptr : found;
}

/// Keys for each list of ids, then places for each.
LogicalResult verifyUniqueKeys(LibraryOp op) {
  const size_t lists = op.getInputs().size();
  if (op.getNumResults() != 2 * lists)
    return op.emitOpError("expects keys and places for each of ")
           << lists << " lists of ids, got " << op.getNumResults() << " results";
  for (size_t i = 0; i < lists; ++i) {
    Type ids = op.getInputs()[i].getType(), keys = op.getResult(i).getType(),
         places = op.getResult(lists + i).getType();
    if (auto rows = dyn_cast<nn::RowsType>(keys); !rows || rows.getDim() != 0)
      return op.emitOpError("expects keys, rows of dim 0, as result ") << i << ", got " << keys;
    if (places != ids)
      return op.emitOpError("expects the places of list ") << i << " to be " << ids << ", got " << places;
  }
  return success();
}

/// Keys, then places and a gradient for each lookup; a pool and a beginning for each.
LogicalResult verifyLookupGrad(LibraryOp op) {
  const size_t inputs = op.getInputs().size(), gradients = inputs / 2;
  if (inputs % 2 == 0)
    return op.emitOpError("expects keys and pairs of places and a gradient, got ") << inputs << " inputs";
  DictionaryAttr options = op.getOptionsAttr();
  auto pools = options ? options.getAs<StringAttr>("pools") : StringAttr();
  auto begins = options ? options.getAs<DenseI64ArrayAttr>("begins") : DenseI64ArrayAttr();
  SmallVector<StringRef> names;
  if (pools)
    pools.getValue().split(names, ' ');
  if (!pools || !begins || names.size() != gradients || static_cast<size_t>(begins.size()) != gradients)
    return op.emitOpError("expects one of \"pools\" and one of \"begins\" for each of ") << gradients << " gradients";
  return success();
}

} // namespace

bool isLibraryKernel(StringRef name) { return findLibraryKernel(name); }

LogicalResult verifyOneSpace(Operation *op) {
  std::optional<Space> space;
  auto check = [&](Type type) {
    if (!isa<RankedTensorType>(type))
      return true;
    if (!space)
      space = spaceOf(type);
    return *space == spaceOf(type);
  };
  if (!llvm::all_of(op->getOperandTypes(), check) || !llvm::all_of(op->getResultTypes(), check))
    return op->emitOpError("mixes values of host and device memory; only task.copy may");
  return success();
}

LogicalResult LibraryOp::verify() {
  const LibraryKernel *kernel = findLibraryKernel(getCallee());
  if (!kernel)
    return emitOpError("calls \"") << getCallee() << "\", which is no library kernel";
  if (getInputs().size() < kernel->minInputs || getInputs().size() > kernel->maxInputs)
    return emitOpError("gives ") << getInputs().size() << " inputs to \"" << getCallee() << "\", which takes "
                                 << kernel->minInputs << (kernel->maxInputs > kernel->minInputs ? " or more" : "");
  if (getNumResults() == 0 || getNumResults() > kernel->maxResults)
    return emitOpError("expects one result")
           << (kernel->maxResults > 1 ? " or a few" : "") << ", got " << getNumResults();
  for (NamedAttribute option : getOptions().value_or(DictionaryAttr::get(getContext())))
    if (!isa<IntegerAttr, FloatAttr, StringAttr, BoolAttr, DenseI64ArrayAttr>(option.getValue()))
      return emitOpError("has option \"")
             << option.getName().strref() << "\", which is no i64, f64, text, i64 array or bool";
  if (getCallee() == "unique_keys" && failed(verifyUniqueKeys(*this)))
    return failure();
  if (getCallee() == "lookup_grad" && failed(verifyLookupGrad(*this)))
    return failure();
  return verifyOneSpace(*this);
}

} // namespace heter::task
