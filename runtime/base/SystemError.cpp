// Codes of errnos.
#include "runtime/base/SystemError.h"

#include <cerrno>
#include <cstring>

namespace heter::runtime {

Status systemError(int error, const char *verb, const std::string &path) {
  std::string message = std::string("cannot ") + verb + " `" + path + "`: " + std::strerror(error);
  switch (error) {
  case ENOENT:
  case ENOTDIR:
    return Status::notFound(std::move(message));
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
  case EMFILE:
  case ENFILE:
  case ENOMEM:
    return Status::resourceExhausted(std::move(message));
  case EIO:
    return Status::dataLoss(std::move(message));
  default:
    return Status::failedPrecondition(std::move(message));
  }
}

} // namespace heter::runtime
