#pragma once

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace dashcap {

// What kind of thing went wrong, for callers that act differently on different failures. Everything else about an
// error is for people and stands in its message.
enum class ErrorKind {
  kInvalidInput,      // what the user or client gave is wrong: settings, a query, an option
  kDamaged,           // bytes from a disk or a wire that are not what their format says
  kNotFound,          // the named thing does not exist
  kPermissionDenied,  // it exists, and we are not allowed
  kNoSpace,           // the disk is full
  kUnavailable,       // it may work later: an interface that is down, a busy server
  kIo,                // the system refused for another reason
};

// Message: lower case, no final stop, the object first, then the cause: "open /data/lane0/17: permission denied".
struct Error {
  ErrorKind kind = ErrorKind::kIo;
  std::string message;
};

inline ErrorKind KindOfErrno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return ErrorKind::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
      return ErrorKind::kNoSpace;
    case ENETDOWN:
    case EAGAIN:
      return ErrorKind::kUnavailable;
    default:
      return ErrorKind::kIo;
  }
}

// The error of a failed system call. `what` names the object and the action: "open /data/lane0/17".
inline Error SystemError(std::string_view what, int error_number) {
  std::string cause = std::strerror(error_number);
  if (!cause.empty() && cause[0] >= 'A' && cause[0] <= 'Z') cause[0] = static_cast<char>(cause[0] - 'A' + 'a');
  return Error{KindOfErrno(error_number), std::string(what) + ": " + cause};
}

inline Error SystemError(std::string_view what) { return SystemError(what, errno); }

}  // namespace dashcap
