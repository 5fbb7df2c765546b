// The printed names of status codes.
#include "runtime/base/Status.h"

namespace heter::runtime {

std::string_view statusCodeName(StatusCode code) {
  switch (code) {
  case StatusCode::Ok:
    return "ok";
  case StatusCode::InvalidArgument:
    return "invalid argument";
  case StatusCode::NotFound:
    return "not found";
  case StatusCode::FailedPrecondition:
    return "failed precondition";
  case StatusCode::DataLoss:
    return "data loss";
  case StatusCode::Unimplemented:
    return "not supported yet";
  case StatusCode::Cancelled:
    return "cancelled";
  case StatusCode::ResourceExhausted:
    return "resource exhausted";
  case StatusCode::DeadlineExceeded:
    return "deadline exceeded";
  case StatusCode::Unavailable:
    return "unavailable";
  case StatusCode::Internal:
    return "internal error";
  }
  return "unknown status";
}

} // namespace heter::runtime
