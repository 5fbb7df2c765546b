// Types and kinds of nodes in words, and which types there may be.
#ifndef HETER_RUNTIME_PACKAGE_TYPES_H
#define HETER_RUNTIME_PACKAGE_TYPES_H

#include "runtime/base/Status.h"
#include "runtime/package/Package_types.h"

#include <string>
#include <string_view>

namespace heter::runtime {

/// "f32[?, 13]" and the like.
std::string typeText(const package::TensorType &type);
/// typeText with the value's kind: "rows f32[9]".
std::string typeText(package::ValueKind::type kind, const package::TensorType &type);
std::string_view nodeKindName(package::NodeKind::type kind);
std::string_view spaceName(package::Space::type space);

/// Element type known; extents positive, -1 only as the first and only if `batch`; rank at most 8.
Status verifyType(const package::TensorType &type, bool batch);

} // namespace heter::runtime

#endif // HETER_RUNTIME_PACKAGE_TYPES_H
