// What a failed call of the operating system on a file becomes.
#ifndef HETER_RUNTIME_BASE_SYSTEMERROR_H
#define HETER_RUNTIME_BASE_SYSTEMERROR_H

#include "runtime/base/Status.h"

#include <string>

namespace heter::runtime {

/// "cannot VERB `PATH`: REASON", with the code that `error`, an errno, stands for.
Status systemError(int error, const char *verb, const std::string &path);

} // namespace heter::runtime

#endif // HETER_RUNTIME_BASE_SYSTEMERROR_H
